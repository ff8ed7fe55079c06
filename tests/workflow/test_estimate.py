"""Shards sized by time, fixed once; and the estimate, beside what a run then really takes."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from basewise.cli import main
from basewise.plugins import is_installed
from basewise.runs import NOTE, note_run, read_run

ROOT = Path(__file__).resolve().parents[2]
TABLE = "assembly\tfasta\tinclude\ntoy\tdata/toy.fa.gz\tchr3\n"
BY_TIME = {
    "tiling": {"shards": None, "bp_per_second": 40_000, "target_minutes_per_shard": 0.2},
    "checkpoints": {"segment_nt_toy": {"tracks": ["exon", "intron", "splice_donor"]}},
}
OUTER = """
configfile: "config/outer.yaml"


module basewise:
    snakefile:
        "{snakefile}"
    config:
        config["annotation"]


use rule * from basewise as basewise_*


rule all:
    default_target: True
    input:
        rules.basewise_all.input,
"""


@pytest.fixture
def busy(tmp_path, monkeypatch):
    """The shipped configuration, where a run that lives, this process, has jobs on a cluster."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    lock = tmp_path / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("results/hg19/x\n")
    note_run(tmp_path, jobs="the-run")
    for name, says in {"squeue": "echo 7", "scancel": f"touch {tmp_path}/cancelled"}.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_the_estimate_is_a_target_too_even_beside_a_run(run_snakemake, busy):
    """Which keeps its jobs, its note and its locks, that nothing else may run beside it."""
    tmp_path, note = busy, read_run(busy)
    done = run_snakemake(tmp_path, "estimate")
    assert done.returncode == 0, done.stdout
    (tmp_path / NOTE).unlink()  # as if that run had begun after this one
    assert run_snakemake(tmp_path, "estimate", "--forcerun", "estimate").returncode == 0
    assert (tmp_path / ".snakemake/locks/0.output.lock").is_file()
    note_run(tmp_path, jobs="the-run")
    refused = run_snakemake(tmp_path, "resources/hg38/genome.fa")
    assert refused.returncode != 0
    assert f"One run at a time in a directory; found process {os.getpid()} on" in refused.stdout
    assert replace(read_run(tmp_path), began=note.began) == note
    assert (tmp_path / ".snakemake/locks/0.output.lock").is_file()
    assert not (tmp_path / "cancelled").exists()
    assert "jobs, from nothing: get_genome 1" in done.stdout
    with (tmp_path / "results/estimate.tsv").open() as stream:
        hg38, total = csv.DictReader(stream, delimiter="\t")
    assert (hg38["assembly"], hg38["model"]) == ("hg38", "segment_nt")
    assert hg38["shards"] == total["shards"]
    assert 14 < float(hg38["minutes_per_shard"]) <= 15
    assert not list((tmp_path / "results").glob("hg38*"))
    assert not (tmp_path / "resources").exists()


@pytest.mark.skipif(is_installed("gpu"), reason="JAX is installed for cards here")
def test_a_card_that_jax_is_not_installed_for_is_refused_before_any_download(
    run_snakemake, tmp_path
):
    (tmp_path / "config").symlink_to(ROOT / "config")
    done = run_snakemake(tmp_path)
    assert done.returncode != 0
    assert "The config asks for a GPU for predict_shard" in done.stdout
    assert "make install LOCK=requirements-cuda.lock" in done.stdout
    assert not list((tmp_path / "resources").glob("*"))


@pytest.fixture(scope="module")
def by_time(run_snakemake, make_directory) -> Path:
    """A run whose shards are sized by time, through a module, whose hooks Snakemake leaves out."""
    directory = make_directory(BY_TIME, TABLE)
    inner = yaml.safe_load((directory / "config/config.yaml").read_text())
    (directory / "config/outer.yaml").write_text(yaml.safe_dump({"annotation": inner}))
    outer = directory / "Snakefile"
    outer.write_text(OUTER.format(snakefile=ROOT / "workflow/Snakefile"))
    done = run_snakemake(directory, snakefile=outer)
    assert done.returncode == 0, done.stdout
    return directory


@pytest.mark.slow
def test_shards_are_sized_by_time_and_then_stay(run_snakemake, by_time, tmp_path):
    results = by_time / "results/toy/segment_nt_toy"
    n = json.loads((results / "shards.json").read_text())["shards"]
    assert n > 1
    names = sorted(path.name for path in results.glob("shards/*"))
    assert names == sorted(f"{i}-of-{n}.shard" for i in range(1, n + 1))
    assert json.loads((results / "provenance.json").read_text())["config"]["tiling"]["shards"] == n
    over = tmp_path / "over.yaml"
    over.write_text(yaml.safe_dump({"annotation": {"tiling": {"target_minutes_per_shard": 0.1}}}))
    done = run_snakemake(
        by_time, "--dry-run", "--configfile", str(over), snakefile=by_time / "Snakefile"
    )
    assert "Nothing to be done" in done.stdout, done.stdout
    assert f"{n} shards, as fixed in results/toy/segment_nt_toy/shards.json" in done.stdout


@pytest.mark.slow
def test_the_estimate_of_disk_holds_within_a_factor_of_five(by_time, capsys):
    """The shares are those of yeast, and the toy's tracks are flatter."""
    assert main(["estimate", "--directory", str(by_time), "--json"]) == 0
    part = json.loads(capsys.readouterr().out)["parts"][0]
    results = by_time / "results/toy/segment_nt_toy"
    shards = sum(path.stat().st_size for path in results.glob("shards/*"))
    assert shards / 5 < part["shard_bytes"] < 5 * shards
    tracks = sum(path.stat().st_size for path in results.glob("tracks/*"))
    assert tracks / 5 < part["result_bytes"] < 5 * tracks
    with (results / "tiles.bed").open() as stream:
        assert part["tiles"] == len(stream.readlines())
