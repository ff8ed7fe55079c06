"""Evaluation end to end: a model of chance beside motifs, on seen and unseen targets."""

import json

import numpy as np
import pandas as pd
import pytest

from basewise.checkpoints.store import save_checkpoint
from basewise.encoders import build_encoder, encode_biotypes
from basewise.encoders.cache import write_embeddings
from basewise.errors import BasewiseError
from basewise.evaluation.binding.evaluate import EvaluationSettings, evaluate_binding
from basewise.models.binding.model import build_binding_model

SITES = {"TOYA": b"TGACTCATG", "TOYB": b"CCGGAAGCC", "TOYC": b"TGACTCATG"}
CHAINS = {"TOYA": ("MKRARNTEAARRSRARK",), "TOYB": ("GGGWWWCCCHHH",), "TOYC": ("MKRARNTEAARRAA",)}
ARCHITECTURE = {
    "trunk": {
        "family": "nucleotide_transformer",
        "architecture": {
            "tokenizer": "v2_6mer",
            "trunk": {
                "alphabet_size": 4107, "embed_dim": 8, "attention_heads": 2, "ffn_embed_dim": 8,
                "num_layers": 1, "max_positions": 64, "positional_embedding": None,
                "use_rotary_embedding": True, "lm_head": False,
            },
        },
    },
    "adapter": {
        "trunk_dim": 8, "protein_dim": 28, "context_dim": 4, "binary_target": True,
        "latent_heads": 2, "latent_dim": 4, "joint_cross_attn_depth": 0, "fourier_dims": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory, draw_params):
    """A genome with planted sites, windows by split, embeddings, and an untrained model."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(8)
    letters = np.frombuffer(b"ACGT", np.uint8)
    genome = {name: letters[rng.integers(0, 4, 30_000)] for name in ("one", "two", "three")}
    tables = {"train": [], "test_chrom": [], "test_target": []}
    for chrom, split, targets in (
        ("one", "train", ("TOYA", "TOYB")),
        ("two", "test_chrom", ("TOYA", "TOYB")),
        ("three", "test_target", ("TOYC",)),
    ):
        for number, start in enumerate(range(60, 29_000, 90)):
            bound = (*SITES, None, None)[number % 5]
            if bound in targets:
                genome[chrom][start + 20 : start + 29] = np.frombuffer(SITES[bound], np.uint8)
            for target in targets:
                is_bound = target == bound
                tables[split].append((chrom, start, start + 60, is_bound, target))
    (folder / "windows").mkdir()
    for split, rows in tables.items():
        table = pd.DataFrame(rows, columns=["chrom", "start", "end", "label", "target"])
        table = table.assign(
            kind=np.where(table["label"], "peak", "scoped"), experiment="E", biotype="cell",
            score=1.0, n_peaks=5, label=table["label"].astype("uint8"),
        )  # fmt: skip
        table.to_parquet(folder / "windows" / f"{split}.parquet")
    with (folder / "genome.fa").open("w") as stream:
        for name, bases in genome.items():
            stream.write(f">{name}\n{bases.tobytes().decode()}\n")
    cache = folder / "embeddings"
    write_embeddings(CHAINS, build_encoder("physchem"), cache, folder / "proteins.tsv")
    encode_biotypes({"cell": "c"}, build_encoder("ngrams", dim=4), cache, folder / "contexts.tsv")
    model = build_binding_model(ARCHITECTURE)
    config = {
        "name": "chance", "family": "binding", "revision": "1", "source": "test", "licence": "none",
        "species": ["toy"], "architecture": ARCHITECTURE, "tile_spec": None, "tracks": [],
        "window_bp": 60, "encoders": {}, "residues": {"residue_stride": 1, "max_residues": None},
    }  # fmt: skip
    save_checkpoint(folder / "model", config, draw_params(model.init))
    return folder


def run(world, output, **settings) -> pd.DataFrame:
    return evaluate_binding(
        world / "model",
        world / "windows",
        world / "genome.fa",
        output,
        proteins=world / "proteins.tsv",
        contexts=world / "contexts.tsv",
        chains=CHAINS,
        settings=EvaluationSettings(**({"mean_pairs": 2, "most_windows": 500} | settings)),
        batch_size=128,
    )


def test_predictors_stand_beside_each_other(world, tmp_path):
    summary = run(world, tmp_path).set_index(["split", "predictor"])
    assert set(summary.index.get_level_values("split")) == {"test_chrom", "test_target"}
    predictors = {"model", "motif", "mean_observed", "mean_predicted", "gc"}
    assert set(summary.loc["test_chrom"].index) == predictors
    # planted sites are found; a model of chance does as chance does, and is not made to look well
    assert summary.loc[("test_chrom", "motif"), "auprc"] > 0.95
    assert summary.loc[("test_chrom", "model"), "auprc"] < 0.45
    assert summary.loc[("test_chrom", "motif"), "better"] == 0.0
    # the unseen target has the motif of the one whose protein is most alike: here, its own site
    assert summary.loc[("test_target", "motif"), "auprc"] > 0.9
    motifs = pd.read_csv(tmp_path / "motifs.tsv", sep="\t").set_index("target")
    assert motifs.loc["TOYC", "motif_of"] == "TOYA"
    targets = pd.read_csv(tmp_path / "targets.tsv", sep="\t").set_index("target")
    assert targets["is_seen"].to_dict() == {"TOYA": True, "TOYB": True, "TOYC": False}
    curves = pd.read_csv(tmp_path / "curves.tsv", sep="\t")
    assert set(curves["predictor"]) == predictors


def test_the_same_seed_gives_the_same_tables(world, tmp_path):
    for name in ("one", "other"):
        run(world, tmp_path / name, splits=("test_target",), most_windows=100)
    files = [sorted((tmp_path / name).iterdir()) for name in ("one", "other")]
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_baseline_may_be_left_out_and_splits_must_exist(world, tmp_path):
    summary = run(world, tmp_path, splits=("test_target",), mean_pairs=0)
    assert "mean_predicted" not in set(summary["predictor"])
    with pytest.raises(BasewiseError, match="no windows of split 'test_biotype'"):
        run(world, tmp_path, splits=("test_biotype",))


def test_a_checkpoint_of_another_family_is_refused(world, tmp_path):
    config = json.loads((world / "model/config.json").read_text())
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(config | {"family": "segment_nt"}))
    with pytest.raises(BasewiseError, match="no checkpoint of binding"):
        evaluate_binding(
            other, world / "windows", world / "genome.fa", tmp_path,
            proteins=world / "proteins.tsv", contexts=world / "contexts.tsv", chains=CHAINS,
        )  # fmt: skip
