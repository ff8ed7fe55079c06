"""Rules train_binding and evaluate_binding: asked for, refused early, run on the toy peaks."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from basewise.training.binding.checkpoint import load_binding

ROOT = Path(__file__).resolve().parents[2]
CASE = yaml.safe_load((ROOT / ".test/config-peaks/config.yaml").read_text())
CASE["assemblies"] = "config/assemblies.tsv"
BARE = (ROOT / ".test/config-peaks/assemblies.tsv").read_text()
HEADER, ROW = BARE.splitlines()
TABLE = f"{HEADER}\tproteins\n{ROW}\tproteins.fa\n"
CHAINS = {"TOYA": "MKRCHACWYE" * 3, "TOYB": "MSTNQ", "TOYC": "MGGGHHHCC" * 10}
FASTA = "".join(f">{gene} P{gene}\n{chain}\n" for gene, chain in CHAINS.items())
TRUNK = {
    "family": "enformer",
    "architecture": {
        "trunk": {
            "embed_dim": 12, "num_transformer_layers": 1, "num_attention_heads": 2,
            "attention_dim_key": 4, "num_downsamples": 3, "dim_divisible_by": 2,
            "target_length": -1, "final_pointwise": True,
        }
    },
}  # fmt: skip
TRAINING = {
    "trunk": TRUNK,
    "adapter": {"latent_heads": 2, "latent_dim": 4, "joint_cross_attn_depth": 0, "fourier_dims": 2},
    "fit": {"steps": 2, "batch_size": 8, "validate_every": 1},
    "valid_windows": 50,
}
FINE = {"signal": {"resolution_bp": 8}}  # as wide as the trunk's bins
FOLDER = "results/toy_peaks/binding"


@pytest.fixture
def make_training(make_directory):
    """A function (changes of binding/training, of the config) -> a working directory."""

    def make(changes: dict | None = None, **others) -> Path:
        training = None if changes is None else TRAINING | changes
        binding = {"encoders": {"contexts": {"dim": 4}}, "training": training}
        directory = make_directory(CASE | {"binding": binding} | others, TABLE)
        (directory / "proteins.fa").write_text(FASTA)
        return directory

    return make


def planned(done) -> set[str]:
    return set(re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE))


def test_a_model_is_planned_where_it_is_asked_for(run_snakemake, make_training):
    done = run_snakemake(make_training({}), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert {"train_binding", "evaluate_binding", "encode_proteins"} <= planned(done)
    done = run_snakemake(make_training(None), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert not {"train_binding", "evaluate_binding"} & planned(done)


def test_signals_are_learned_without_windows(run_snakemake, make_training):
    directory = make_training({"learn": "signals"}, peaks=CASE["peaks"] | FINE)
    done = run_snakemake(directory, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert {"train_binding", "bin_signal"} <= planned(done)
    assert "evaluate_binding" not in planned(done)


def test_signals_alone_tell_targets_and_biotypes(run_snakemake, make_training):
    names, values = (row.split("\t") for row in TABLE.splitlines())
    row = dict(zip(names, values, strict=True)) | {"peaks": ""}
    directory = make_training({"learn": "signals"}, peaks=CASE["peaks"] | FINE)
    table = "\n".join("\t".join(column) for column in (row.keys(), row.values())) + "\n"
    (directory / "config/assemblies.tsv").write_text(table)
    done = run_snakemake(directory, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert {"train_binding", "encode_proteins", "bin_signal"} <= planned(done)
    assert not {"filter_peaks", "make_windows"} & planned(done)
    (directory / "config/assemblies.tsv").write_text(table.replace("proteins.fa", ""))
    done = run_snakemake(directory, "--dry-run")
    assert "has signals and no proteins, which binding needs" in done.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trunk": {"family": "enformer"}}, "the trunk is either a checkpoint, or a family"),
        ({"trunk": {"checkpoint": "segment_nt_tiy"}}, "Did you mean 'segment_nt_toy'?"),
        ({"adapter": {"latent_head": 3}}, "Did you mean 'latent_heads'?"),
        ({"trunk_mode": "al"}, "'binding/training/trunk_mode' must be one of"),
        ({"folds": 3, "learn": "signals"}, "folds are for windows"),
        ({"valid_split": "valid_target"}, "Name targets in peaks/splits/valid_targets"),
        ({"fit": {}}, "'binding/training/fit/steps' is required"),
        ({"fit": {"steps": 0}}, "'binding/training/fit/steps' must be at least 1"),
        ({"sampling": {"kind_weights": {"peaks": 1}}}, "Did you mean 'peak'?"),
        ({"pairing": "own"}, "'binding/training/pairing' is not known"),
    ],
)
def test_what_no_job_could_follow_is_refused(run_snakemake, make_training, changes, words):
    done = run_snakemake(make_training(changes), "--dry-run")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert len([line for line in done.stdout.splitlines() if words in line]) == 1, done.stdout


def test_windows_to_validate_on_are_needed(run_snakemake, make_training):
    peaks = CASE["peaks"] | {"splits": {"test_chroms": ["chr3"]}}
    done = run_snakemake(make_training({}, peaks=peaks), "--dry-run")
    assert done.returncode != 0
    assert "there are no windows to validate on" in done.stdout


def test_unseen_targets_can_choose_the_best_step(run_snakemake, make_training):
    splits = {"valid_targets": ["TOYA"], "test_chroms": ["chr3"]}
    peaks = CASE["peaks"] | {"splits": splits}
    directory = make_training({"valid_split": "valid_target"}, peaks=peaks)
    done = run_snakemake(directory, f"{FOLDER}/model/config.json", "--dry-run")
    assert done.returncode == 0, done.stdout
    job = done.stdout.partition(": Training binding on")[2]
    assert "windows/valid_target.parquet" in job
    assert "windows/valid.parquet" not in job


@pytest.mark.slow
def test_a_toy_model_is_trained_and_judged(run_snakemake, make_training):
    peaks = CASE["peaks"] | {"negatives": {"random": {"per_peak": 1}}}
    directory = make_training({"folds": 2}, peaks=peaks)
    wanted = [f"{FOLDER}/{name}" for name in ("evaluation/summary.tsv", "training.png")]
    wanted += [f"{FOLDER}/folds/folds.tsv"]
    done = run_snakemake(directory, *wanted)
    assert done.returncode == 0, done.stdout
    loaded = load_binding(directory / FOLDER / "model")
    assert loaded.window_bp == 200
    assert loaded.config["encoders"]["contexts"]["dim"] == 4
    summary = pd.read_csv(directory / FOLDER / "evaluation/summary.tsv", sep="\t")
    assert {"model", "motif", "mean_observed", "gc"} <= set(summary["predictor"])
    assert (directory / FOLDER / "evaluation/curves.png").is_file()
    folds = pd.read_csv(directory / FOLDER / "folds/folds.tsv", sep="\t")
    assert sorted(folds["chroms"]) == ["chr1", "chr2"]
    assert folds["valid_auprc"].notna().all()
    again = run_snakemake(directory, *wanted, "--dry-run")
    assert "Nothing to be done" in again.stdout
