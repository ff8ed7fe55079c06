"""`train_binding`: it learns planted sites, goes on after a kill, and says what is wrong."""

import json
from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest
import yaml

from basewise.checkpoints.store import check_checkpoint, save_checkpoint
from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.genome import Genome
from basewise.models.binding.model import build_binding_model
from basewise.training.binding import examples as examples_module
from basewise.training.binding.checkpoint import load_binding
from basewise.training.binding.data import list_pairs, open_pairs, read_windows
from basewise.training.binding.folds import make_folds
from basewise.training.binding.objective import pair_loss
from basewise.training.binding.predict import predict_mean, predict_windows
from basewise.training.binding.train import train_binding


class Killed(Exception):
    """Stands for a signal that ends the process."""


@pytest.fixture(scope="module")
def trained(toy, facts, tmp_path_factory):
    """A checkpoint after four steps, and its settings."""
    settings = make_settings(toy, facts)
    folder = tmp_path_factory.mktemp("trained") / "model"
    train_binding(settings, folder)
    return folder, settings


def make_settings(toy, facts, **changes) -> dict:
    return {
        "name": "toy_binding",
        "genome": str(toy / "genome.fa"),
        "windows": str(toy / "windows"),
        "proteins": str(toy / "proteins.tsv"),
        "contexts": str(toy / "contexts.tsv"),
        "encoders": {
            "proteins": {"encoder": "physchem"},
            "contexts": {"encoder": "ngrams", "dim": 8},
        },
        "trunk": facts.TRUNK,
        "adapter": dict(facts.ADAPTER),
        "sampling": {"shift_bp": [-3, 3]},
        "training": {
            "steps": 4, "batch_size": 16, "learning_rate": 0.002, "warmup_steps": 2,
            "validate_every": 2, "weight_decay": 0.01,
        },
        "valid_windows": 100,
    } | changes  # fmt: skip


def arrays(folder) -> bytes:
    return (folder / "params.safetensors").read_bytes()


def test_the_checkpoint_says_what_it_is(trained, genome, toy):
    folder, _ = trained
    assert check_checkpoint(folder)
    loaded = load_binding(folder)
    assert loaded.window_bp == 64
    assert loaded.config["data"]["targets"] == ["TOYA", "TOYB"]
    assert loaded.config["data"]["made"]["rules"] == {"valid_chroms": ["two"]}
    assert loaded.config["training"]["residue_phases"] == "drawn"
    assert loaded.config["metrics"]["step"] in (2, 4)
    assert loaded.build_encoder("proteins").name == "physchem"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "metrics.jsonl",
        "params.safetensors",
    ]
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    assert {"loss", "valid_auprc", "valid_auroc", "valid_accuracy", "samples_per_s"} <= set(rows[0])


def test_predictions_do_not_depend_on_batches(trained, genome, toy):
    loaded = load_binding(trained[0])
    windows = read_windows(toy / "windows", "valid").iloc[:37]
    embedded = {"proteins": toy / "proteins.tsv", "contexts": toy / "contexts.tsv"}
    one = predict_windows(loaded, windows, genome, batch_size=64, **embedded)
    other = predict_windows(loaded, windows, genome, batch_size=8, **embedded)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    # a protein that was never seen is a pair like any other
    unseen = windows.assign(target="TOYC")
    assert np.isfinite(predict_windows(loaded, unseen, genome, **embedded)).all()


def test_the_mean_of_others_leaves_a_windows_own_target_out(trained, genome, toy):
    from basewise.training.binding.pairs import Pair

    loaded = load_binding(trained[0])
    windows = read_windows(toy / "windows", "valid").iloc[:21]
    embedded = {"proteins": toy / "proteins.tsv", "contexts": toy / "contexts.tsv"}
    others = [Pair("TOYA", "cell"), Pair("TOYB", "cell")]
    mean = predict_mean(loaded, windows, genome, others, batch_size=8, **embedded)
    swapped = windows.assign(
        target=windows["target"].astype(str).map({"TOYA": "TOYB", "TOYB": "TOYA"})
    )
    alone = predict_windows(loaded, swapped, genome, batch_size=8, **embedded)
    np.testing.assert_allclose(mean, 1 / (1 + np.exp(-alone)), rtol=1e-4)


@pytest.mark.parametrize("killed_at", [1, 3])
def test_a_killed_training_ends_as_one_that_was_not(trained, tmp_path, monkeypatch, killed_at):
    folder, settings = trained
    draw = examples_module.WindowExamples.draw

    def draw_or_die(self, step):
        if step == killed_at:
            raise Killed
        return draw(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(examples_module.WindowExamples, "draw", draw_or_die)
        with pytest.raises(Killed):
            train_binding(settings, tmp_path)
    assert not (tmp_path / "config.json").exists()
    train_binding(settings, tmp_path)
    assert arrays(tmp_path) == arrays(folder)


def test_the_command_line_does_the_same(trained, tmp_path, caplog):
    folder, settings = trained
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    told = ["train", "binding", "--config", str(tmp_path / "train.yaml"), "--out"]
    assert main([*told, str(tmp_path / "model")]) == 0
    assert arrays(tmp_path / "model") == arrays(folder)


@pytest.mark.slow
def test_a_trunk_and_a_whole_model_may_be_gone_on_from(trained, toy, facts, tmp_path):
    folder, _ = trained
    frozen = make_settings(
        toy, facts, trunk={"checkpoint": str(folder)}, trunk_mode="frozen", name="second"
    )
    train_binding(frozen, tmp_path / "second")
    first, second = (load_binding(path).params for path in (folder, tmp_path / "second"))
    for part in ("edges", "layers"):
        same = jax.tree.map(np.array_equal, first[part], second[part])
        assert all(jax.tree.leaves(same))
    third = make_settings(toy, facts, initial=str(folder))
    third["training"]["steps"] = 2
    third["training"]["learning_rate"] = 1e-9
    train_binding(third, tmp_path / "third")
    close = jax.tree.map(
        lambda a, b: np.allclose(a, b, atol=1e-6), first, load_binding(tmp_path / "third").params
    )
    assert all(jax.tree.leaves(close))


@pytest.mark.slow
def test_all_pairs_of_a_batch_and_micro_batches_can_be_trained(toy, facts, tmp_path):
    settings = make_settings(toy, facts, sampling={"pairing": "batch", "shift_bp": [-3, 3]})
    settings["training"] |= {"accumulate": 2, "steps": 2}
    settings["adapter"] |= {"dropout": 0.1, "joint_cross_attn_depth": 1, "attention_heads": 2}
    settings["adapter"] |= {"attention_dim_head": 4}
    train_binding(settings, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert np.isfinite(rows[0]["loss"])
    assert rows[0]["samples_seen"] == 64


@pytest.mark.slow
def test_the_read_value_can_be_learned_too(toy, facts, tmp_path):
    settings = make_settings(toy, facts)
    settings["adapter"]["aux_read_value_loss"] = True
    settings["training"] |= {"steps": 2, "precision": "bfloat16"}
    train_binding(settings, tmp_path)
    row = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert np.isfinite(row["aux_loss"])


def test_the_read_value_is_learned_alike_whichever_pairs_a_window_is_read_for(toy, facts, genome):
    windows = read_windows(toy / "windows", "train", extent=True)
    pairs = open_pairs(list_pairs(windows), toy / "proteins.tsv", toy / "contexts.tsv")
    widths = {"trunk_dim": 48, "protein_dim": pairs.protein_dim, "context_dim": 8}
    options = {"binary_target": True, "aux_read_value_loss": True}
    adapter = facts.ADAPTER | widths | options
    model = build_binding_model({"trunk": facts.TRUNK, "adapter": adapter})
    params = jax.jit(model.init)(jax.random.PRNGKey(0))
    parts = {}
    for pairing in ("own", "batch"):
        examples = examples_module.WindowExamples(
            windows, pairs, model.trunk, genome,
            sampling=examples_module.Sampling(pairing=pairing), batch_size=8,
        )  # fmt: skip
        batch = jax.tree.map(lambda array: array[0], examples.draw(0))
        compute = jax.jit(lambda params, batch: pair_loss(model, params, batch, None))
        loss, parts[pairing] = compute(params, batch)
        total = parts[pairing]["loss"] + 0.05 * parts[pairing]["aux_loss"]
        np.testing.assert_allclose(loss, total, rtol=1e-6)
    assert parts["batch"]["aux_loss"] > 0
    np.testing.assert_allclose(parts["batch"]["aux_loss"], parts["own"]["aux_loss"], rtol=1e-5)


@pytest.mark.slow
def test_folds_are_disjoint_and_a_model_each(toy, facts, tmp_path):
    settings = make_settings(toy, facts, folds=2)
    settings["training"] |= {"steps": 2}
    train_binding(settings, tmp_path)
    table = pd.read_csv(tmp_path / "folds.tsv", sep="\t")
    assert sorted(",".join(table["chroms"]).split(",")) == ["one", "two"]
    for number in (1, 2):
        chroms = load_binding(tmp_path / f"fold_{number}").config["data"]["chroms"]
        assert not set(chroms["train"]) & set(chroms["valid"])
    alone = tmp_path / "alone"
    train_binding(settings | {"fold": 2}, alone)
    assert arrays(alone) == arrays(tmp_path / "fold_2")


def test_folds_hold_about_as_many_windows():
    windows = pd.DataFrame({"chrom": list("aaaaaabbbbccd")})
    assert make_folds(windows, 2) == [["a", "d"], ["b", "c"]]
    with pytest.raises(BasewiseError, match="5 folds need as many chroms"):
        make_folds(windows, 5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trunks": {}}, "Did you mean 'trunk'"),
        ({"windows": None}, "either windows"),
        ({"trunk_mode": "al"}, "Did you mean 'all'"),
        ({"folds": 1}, "folds must be at least 2"),
        ({"folds": 2, "fold": 3}, "fold must be one of.*found 3 of 2 folds"),
        ({"fold": 1}, "found 1 of no folds"),
        ({"folds": 2, "valid_split": "valid_target"}, "chroms of split 'valid'.*valid_target"),
        ({"valid_split": "validation"}, "no windows of split"),
        ({"training": {"steps": 2, "batchsize": 4}}, "Did you mean 'batch_size'"),
        ({"adapter": {"latent_head": 4}}, "Did you mean 'latent_heads'"),
        ({"adapter": {"trunk_dim": 7}}, "adapter/trunk_dim does not match.*found 7, not 48"),
        ({"adapter": {"protein_dim": 99}}, "adapter/protein_dim does not match"),
        ({"encoders": {"protein": {}}}, "encoders/protein"),
        ({"encoders": {"proteins": {"encoder": "physchem_window"}}}, r"proteins\.tsv was not made"),
        ({"encoders": {"contexts": {"encoder": "ngrams"}}}, "of 8 numbers, not 256"),
        ({"contexts": None}, "context_dim"),
    ],
)
def test_bad_settings_are_named_before_training(toy, facts, tmp_path, changes, said):
    with pytest.raises(BasewiseError, match=said):
        train_binding(make_settings(toy, facts, **changes), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_window_that_the_trunk_cannot_read(toy, facts, tmp_path):
    trunk = json.loads(json.dumps(facts.TRUNK))
    trunk["architecture"]["trunk"]["num_downsamples"] = 7
    with pytest.raises(BasewiseError, match=r"whole bins of 128 bp.*64 bp"):
        train_binding(make_settings(toy, facts, trunk=trunk), tmp_path)


def test_a_target_without_protein_and_an_index_that_is_missing(toy, facts, tmp_path):
    lines = (toy / "proteins.tsv").read_text().splitlines(keepends=True)
    index = toy / "fewer.tsv"
    index.write_text("".join(line for line in lines if not line.startswith("TOYB")))
    with pytest.raises(BasewiseError, match=r"'TOYB' has no protein in the cache.*Did you mean"):
        train_binding(make_settings(toy, facts, proteins=str(index)), tmp_path)
    with pytest.raises(BasewiseError, match="does not exist"):
        train_binding(make_settings(toy, facts, contexts=str(tmp_path / "no.tsv")), tmp_path)


def test_checkpoint_and_trunk_that_do_not_match(trained, toy, facts, tmp_path):
    folder, _ = trained
    other = json.loads(json.dumps(facts.TRUNK))
    other["architecture"]["trunk"]["num_attention_heads"] = 1
    with pytest.raises(BasewiseError, match=r"another trunk.*num_attention_heads 2, not 1"):
        train_binding(make_settings(toy, facts, initial=str(folder), trunk=other), tmp_path)
    trunk = {"checkpoint": str(folder), "family": "borzoi"}
    with pytest.raises(BasewiseError, match="another trunk"):
        train_binding(make_settings(toy, facts, trunk=trunk), tmp_path)
    adapter = facts.ADAPTER | {"latent_dim": 16}
    with pytest.raises(BasewiseError, match=r"another adapter.*latent_dim 8, not 16"):
        train_binding(make_settings(toy, facts, initial=str(folder), adapter=adapter), tmp_path)
    # a config.json that was changed by hand
    loaded = load_binding(folder)
    loaded.config["architecture"]["adapter"]["trunk_dim"] = 12
    save_checkpoint(tmp_path / "changed", loaded.config, loaded.params)
    with pytest.raises(BasewiseError, match="The adapter is of another trunk"):
        load_binding(tmp_path / "changed")


def test_an_encoder_that_changed_is_noticed(trained):
    loaded = load_binding(trained[0])
    loaded.config["encoders"]["proteins"]["fingerprint"] = "0" * 64
    with pytest.raises(BasewiseError, match="not the one that checkpoint"):
        loaded.build_encoder("proteins")
    bare = replace(loaded, config=loaded.config | {"encoders": {}})
    with pytest.raises(BasewiseError, match="does not say how its contexts"):
        bare.build_encoder("contexts")


@pytest.mark.slow
def test_planted_sites_are_found_on_an_unseen_chrom(large_toy, facts, tmp_path):
    from basewise.training.binding.metrics import summarise_binary

    trunk = json.loads(json.dumps(facts.TRUNK)) | {"start": "calibrated"}
    trunk["architecture"]["trunk"]["embed_dim"] = 48
    settings = make_settings(large_toy, facts, trunk=trunk)
    settings["adapter"] |= {"latent_heads": 48, "latent_dim": 8}
    settings["sampling"]["reverse_complement"] = False  # sites are all on one strand
    settings["training"] |= {"steps": 500, "batch_size": 32, "validate_every": 100}
    settings["training"] |= {"learning_rate": 0.003, "warmup_steps": 20}
    train_binding(settings, tmp_path)
    windows = read_windows(large_toy / "windows", "test_chrom")
    logits = predict_windows(
        load_binding(tmp_path), windows, Genome(large_toy / "genome.fa"),
        proteins=large_toy / "proteins.tsv", contexts=large_toy / "contexts.tsv",
    )  # fmt: skip
    found = summarise_binary(
        logits, windows["label"].to_numpy(), windows["target"].astype(str).to_numpy(object)
    )
    assert found["auprc"] > 0.9
