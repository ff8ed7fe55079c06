"""Checkpoints with targets: planned, refused early, drawn on the toy genome."""

import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CASE = yaml.safe_load((ROOT / ".test/config-peaks/config.yaml").read_text())
CASE["assemblies"] = "config/assemblies.tsv"
BARE = (ROOT / ".test/config-peaks/assemblies.tsv").read_text()
HEADER, ROW = BARE.splitlines()
CHAINS = {"TOYA": "MKRCHACWYE" * 3, "TOYB": "MSTNQ", "TOYC": "MGGGHHHCC" * 10}
FASTA = "".join(f">{gene} P{gene}\n{chain}\n" for gene, chain in CHAINS.items())
TARGETS = "target\tbiotype\tname\nTOYA\tliver\t\nNEW\tK-1.2\tnovel\n"
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
ADAPTER = {
    "trunk_dim": 24, "protein_dim": 28, "context_dim": 4, "latent_heads": 2, "latent_dim": 4,
    "joint_cross_attn_depth": 0, "binary_target": True, "fourier_dims": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, draw_params) -> Path:
    """A checkpoint of binding whose parameters are drawn."""
    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.binding.model import build_binding_model
    from basewise.training.binding.checkpoint import note_encoders

    model = build_binding_model({"trunk": TRUNK, "adapter": ADAPTER})
    params = draw_params(model.init, seed=2, factor=2)
    sections = {"proteins": {"encoder": "physchem"}, "contexts": {"encoder": "ngrams", "dim": 4}}
    config = {
        "name": "drawn", "family": "binding", "revision": "1", "source": "tests",
        "licence": "MIT", "species": ["nothing"], "tile_spec": None, "tracks": [],
        "architecture": {"trunk": TRUNK, "adapter": model.config.to_dict()},
        "window_bp": 200, "encoders": note_encoders(sections),
        "residues": {"residue_stride": 1, "max_residues": None},
        "data": {"biotypes": ["K-1.2", "liver"]},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("checkpoints") / "drawn"
    save_checkpoint(folder, config, params)
    return folder


@pytest.fixture
def make_bound(make_directory, drawn):
    """A function (changes of the checkpoint, of the config) -> a working directory."""

    def make(changes: dict | None = None, table: str = TARGETS, **others) -> Path:
        factors = {"source": str(drawn), "targets": "targets.tsv", "proteins": "proteins.fa"}
        config = CASE | {"tiling": {"shards": 2}, "segmentation": {"models": ["factors"]}} | others
        config["checkpoints"] = {"factors": factors | (changes or {})}
        directory = make_directory(config, BARE)
        path = directory / "config/config.yaml"
        written = yaml.safe_load(path.read_text())
        written["segmentation"].pop("calling")
        written["checkpoints"].pop("segment_nt_toy")
        path.write_text(yaml.safe_dump(written))
        (directory / "targets.tsv").write_text(table)
        (directory / "proteins.fa").write_text(FASTA + ">NEW PNEW\nMKKHHCC\n")
        return directory

    return make


def planned(done) -> dict[str, int]:
    rows = re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE)
    return {rule: int(count) for rule, count in rows}


def test_tracks_are_planned_before_there_is_a_model(run_snakemake, make_bound):
    training = {
        "trunk": TRUNK,
        "adapter": {"joint_cross_attn_depth": 0},
        "fit": {"steps": 1},
    }
    directory = make_bound(
        {"source": "results/toy_peaks/binding/model"},
        binding={"training": training},
        tiling={"shards": None},
    )
    table = directory / "config/assemblies.tsv"
    table.write_text(f"{HEADER}\tproteins\n{ROW}\tproteins.fa\n")
    done = run_snakemake(directory, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = planned(done)
    assert jobs["predict_shard"] == 64  # nothing is known of the model
    assert {jobs[rule] for rule in ("train_binding", "bind_targets", "evaluate_tracks")} == {1}
    assert {jobs[rule] for rule in ("merge_track", "call_peaks")} == {2}
    assert not {"get_checkpoint", "call_elements", "evaluate_segmentation"} & jobs.keys()
    done = run_snakemake(directory, "prefetch", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert not {"train_binding", "bind_targets"} & planned(done).keys()


def test_proteins_are_read_before_any_job(run_snakemake, make_bound):
    directory = make_bound()
    (directory / "proteins.fa").write_text(">TOYA P\nMKK-KR\n>NEW P\nMKK\n")
    done = run_snakemake(directory, "--dry-run")
    assert "proteins.fa line 2 is no protein; found '-' at column 4" in done.stdout


def test_tracks_are_drawn_and_judged(run_snakemake, make_bound):
    calling = {"thresholds": {"default": 0.02, "novel": 0.05}}
    peaks = CASE["peaks"] | {"negatives": {"random": {"per_peak": 1}}}
    directory = make_bound(binding={"calling": calling}, peaks=peaks)
    folder = "results/toy_peaks/factors"
    wanted = ["peaks.bed.gz", "evaluation/binding.png", "provenance.json", "seams.ok"]
    done = run_snakemake(directory, *(f"{folder}/{name}" for name in wanted))
    assert done.returncode == 0, done.stdout
    results = directory / folder
    for track in ("TOYA.liver", "novel"):
        with pyBigWig.open(str(results / f"tracks/{track}.bw")) as bigwig:
            assert bigwig.header()["maxVal"] <= 1.0
            ends = {end - start for start, end, _ in bigwig.intervals("chr1")[10:50]}
            assert all(width % 8 == 0 for width in ends)
        with gzip.open(results / f"peaks/{track}.narrowPeak.gz", "rt") as stream:
            assert {len(line.split("\t")) for line in stream} <= {10}
    table = pd.read_csv(results / "evaluation/binding.tsv", sep="\t")
    assert table["track"].unique().tolist() == ["TOYA.liver"]
    assert table["split"].tolist() == ["train", "valid", "test"]
    assert (table["n_positive"] > 0).all()
    told = json.loads((results / "provenance.json").read_text())
    assert told["config"]["binding"]["targets"][1]["name"] == "novel"
    assert told["checkpoint"]["source"].startswith("drawn, sha256 ")
    again = run_snakemake(directory, *(f"{folder}/{name}" for name in wanted), "--dry-run")
    assert "Nothing to be done" in again.stdout
