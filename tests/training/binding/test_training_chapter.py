"""What no job could follow is refused before any runs, by config.json and sizes alone."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from basewise.config import complete_config
from basewise.errors import BasewiseError
from basewise.models.activations import ACTIVATIONS
from basewise.models.binding.trunk_shapes import FAMILIES, read_shape
from basewise.models.binding.trunks import TRUNKS
from basewise.models.trunk_config import ACTIVATION_NAMES
from basewise.models.zoo import ZOO
from basewise.training.binding.chapter import check_training

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
TOY = {"source": str(ROOT / "resources/toy/segment_nt_toy")}
BOUND = {"source": str(ROOT / "resources/toy/binding_toy"), "targets": "targets.tsv"}
SIZES = {
    "embed_dim": 12, "num_transformer_layers": 2, "num_attention_heads": 2,
    "num_downsamples": 3, "dim_divisible_by": 2, "target_length": -1,
}  # fmt: skip
ENFORMER = {"family": "enformer", "architecture": {"trunk": SIZES}}
SPLITS = ("train", "valid")
ROWS = {"x": {"peaks": "p.bed", "signals": "s.tsv", "loci": "l.bed", "proteins": "p.fa"}}


def make_config(training: dict | None = None, peaks: dict | None = None) -> dict:
    """A complete config that trains a small Enformer, with changes."""
    splits = {"splits": {"valid_chroms": ["2"]}, "negatives": {"random": {"per_peak": 1}}}
    wanted = {"trunk": ENFORMER, "fit": {"steps": 1}} | (training or {})
    return complete_config(
        {
            "checkpoints": {"toy": TOY, "bound": BOUND, "later": {"source": "hf://a/b"}},
            "peaks": splits | (peaks or {}),
            "binding": {"training": copy.deepcopy(wanted)},
        },
        SCHEMA,
    )


def sized(**changes) -> dict:
    return {"trunk": {"family": "enformer", "architecture": {"trunk": SIZES | changes}}}


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"trunk": {"checkpoint": "later"}, "trunk_mode": "last", "n_last": 99},
        {"trunk_mode": "layer_norms", "n_last": 2},
        {"adapter": {"protein_tokens": 3, "dropout": 0, "context_dim": None} | dict.fromkeys(
            ("condition_hypergrid",), False)},
        {"platform": "cpu", "devices_per_job": 3},
        {"platform": "gpu", "devices_per_job": 4, "sampling": {"shift_bp": [-5, 7]}},
    ],
)  # fmt: skip
def test_what_can_be_trained(training):
    check_training(ROWS, make_config(training))


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"trunk": ENFORMER | {"family": "enformr"}}, "trunk': unknown family.*'enformer'"),
        (sized(embed_dims=3), "unknown key architecture/trunk/embed_dims.*'embed_dim'"),
        (sized(embed_dim="12"), "architecture/trunk/embed_dim must be a whole number; found '12'"),
        (sized(embed_dim=14), "must be a multiple of 6"),
        (sized(num_attention_heads=0), "num_attention_heads must be at least 1; found 0"),
        (sized(final_pointwise="no"), "final_pointwise must be true or false"),
        ({"trunk": {"family": "borzoi", "architecture": {}}}, "missing key trunk/architecture/t"),
        (sized(num_downsamples=5), "'peaks/windows/width_bp' does not fit.*bins of 32 bp.*200 bp"),
        (
            sized(final_pointwise=True, target_length=26),
            "'peaks/windows/width_bp' does not fit.*keeps 26 bins; found 25",
        ),
        ({"trunk": {"checkpoint": "toy"}}, "'peaks/windows/width_bp' does not fit.*of 6 bp"),
        ({"trunk": {"checkpoint": "to"}}, "not among the checkpoints; found 'to'"),
        ({"trunk": {"checkpoint": "bound"}}, "bound to targets; found 'bound'"),
        ({"trunk": {"checkpoint": "toy", "start": "drawn"}}, "either a checkpoint, or a family"),
        ({"trunk_mode": "last"}, "n_last' does not go with trunk_mode last; found 0"),
        ({"n_last": 1}, "n_last' does not go with trunk_mode all; found 1"),
        ({"trunk_mode": "last", "n_last": 3}, "the trunk has 2 blocks; found 3"),
        ({"adapter": {"dropout": "high"}}, "adapter/dropout must be a number; found 'high'"),
        ({"adapter": {"attention_heads": 0}}, "attention_heads must be a positive integer"),
        ({"adapter": {"binary_target": False}}, "binary_target follows from learn"),
        ({"sampling": {"shift_bp": [5, 9]}}, "shift_bp is the least.*holds 0; found 5 and 9"),
        (
            {"platform": "tpu", "devices_per_job": 3},
            "batch_size must be a multiple of devices_per_job; found 64 windows, 3 devices",
        ),
        ({"learn": "signals"}, "'peaks/signal/resolution_bp' does not fit.*128 bp, and bins of 8"),
        (
            {"learn": "signals", "sampling": {"kind_weights": {"peak": 1}}},
            "kind_weights is for windows",
        ),
    ],
)
def test_what_cannot_be_trained(training, words):
    config = make_config(training, {"windows": {"width_bp": 200}})
    with pytest.raises(BasewiseError, match=words):
        check_training(ROWS, config)


@pytest.fixture
def signals(tmp_path):
    """The row of an assembly with signals of two targets, and loci of 64 bp."""
    (tmp_path / "signals.tsv").write_text("name\ttarget\na\tTOYA\nb\tTOYB\n")
    for name in ("a.bw", "b.bw"):
        (tmp_path / name).touch()
    loci = [f"chr1\t{64 * i}\t{64 * i + 64}\t{split}\n" for i, split in enumerate(SPLITS)]
    (tmp_path / "loci.bed").write_text("".join(loci))
    row = {"signals": "signals.tsv", "bigwigs": "", "loci": "loci.bed"}
    return {"peaks": None} | {key: str(tmp_path / name) for key, name in row.items()}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"held_out_targets": ["TOYB"]}, None),
        ({"train_split": "trains"}, "train_split': .* no locus of it; found 'trains'.*'train'"),
        ({"valid_split": "test"}, "valid_split': .*loci.bed has no locus of it; found 'test'"),
        ({"held_out_targets": ["TOYC"]}, "names a target that .*signals.tsv lacks; found 'TOYC'"),
        ({"held_out_targets": ["TOYA", "TOYB"]}, "leaves no signal to learn"),
    ],
)
def test_signals_are_held_against_their_files(signals, section, words):
    peaks = {"signal": {"resolution_bp": 8}}
    config = make_config({"learn": "signals", "signals": section}, peaks)
    if words is None:
        check_training({"x": signals}, config)
        return
    check_training({"x": signals}, config, is_thorough=False)
    with pytest.raises(BasewiseError, match=words):
        check_training({"x": signals}, config)


def test_loci_that_a_trunk_does_not_read(signals):
    trunk = sized(final_pointwise=True, target_length=9)
    config = make_config({"learn": "signals"} | trunk, {"signal": {"resolution_bp": 8}})
    with pytest.raises(BasewiseError, match=r"loci.bed do not fit the trunk: .*9 bins; found 8"):
        check_training({"x": signals}, config)


def test_the_trunk_of_a_model_of_binding_is_the_one_inside():
    noted = json.loads((ROOT / "resources/toy/binding_toy/config.json").read_text())
    config = make_config({"trunk": {"checkpoint": "toy"}}, {"windows": {"width_bp": 127}})
    config["checkpoints"]["toy"]["source"] = BOUND["source"]
    bins = read_shape(noted["architecture"]["trunk"]).bp_per_bin
    with pytest.raises(BasewiseError, match=rf"whole bins of {bins} bp; found 127 bp"):
        check_training(ROWS, config)


def test_shapes_are_those_of_the_trunks_that_are_built():
    assert set(FAMILIES) == set(TRUNKS)
    assert set(ACTIVATION_NAMES) == set(ACTIVATIONS)
    for model in ZOO.values():
        assert read_shape(model.to_config()).n_blocks > 0


def test_no_jax_is_needed_to_check():
    code = "import sys, basewise.training.binding.chapter; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
