"""A second run is refused and told why; a killed one is explained; a damaged shard is made anew."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from basewise.runs import NOTE, read_run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODEL = "results/toy/segment_nt_toy"


def start(directory: Path) -> subprocess.Popen:
    """Start a run in a process group of its own, and wait until it has begun its first job."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
    command += ["--cores", "1", "--directory", str(directory)]
    run = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not (directory / NOTE).is_file():
        assert run.poll() is None, "it ended before it began"
        assert time.monotonic() < end
        time.sleep(0.1)
    return run


def test_the_second_of_two_runs_is_refused_and_the_rest_of_a_killed_one_explained(
    make_directory, run_snakemake
):
    directory = make_directory()
    first = start(directory)
    try:
        assert read_run(directory).pid == first.pid
        second = run_snakemake(directory)
        assert second.returncode != 0
        assert "Another run is at work in" in second.stdout
        assert f"process {first.pid} on " in second.stdout
        assert "LockException" in second.stdout
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    third = run_snakemake(directory, "resources/toy/chrom.sizes")
    assert third.returncode != 0
    assert "The last run in" in third.stdout
    assert "was killed" in third.stdout
    assert "snakemake --unlock, then the same command again" in third.stdout
    assert run_snakemake(directory, "--unlock").returncode == 0
    last = run_snakemake(directory, "resources/toy/chrom.sizes")
    assert last.returncode == 0, last.stdout
    assert "Another run" not in last.stdout
    assert "was killed" not in last.stdout


def test_a_damaged_shard_is_never_merged_and_made_anew(make_directory, run_snakemake):
    directory = make_directory({"tiling": {"shards": 1}})
    shard, track = directory / MODEL / "shards/1-of-1.shard", directory / MODEL / "tracks/exon.bw"
    done = run_snakemake(directory, str(track.relative_to(directory)))
    assert done.returncode == 0, done.stdout
    right = hashlib.sha256(track.read_bytes()).hexdigest()
    good = shard.read_bytes()
    shard.write_bytes(good[:500] + bytes([good[500] ^ 4]) + good[501:])
    track.unlink()
    # the exon track, which is whole, is merged or not: both tracks' jobs begin at once
    targets = [f"{MODEL}/tracks/{name}.bw" for name in ("protein_coding_gene", "exon")]
    done = run_snakemake(directory, *targets)
    assert done.returncode != 0
    assert "1-of-1.shard is damaged: track protein_coding_gene" in done.stdout
    assert "Run the same command again: this shard alone is computed anew" in done.stdout
    assert not shard.exists()
    assert shard.with_name("1-of-1.shard.corrupt").is_file()
    done = run_snakemake(directory, *targets)
    assert done.returncode == 0, done.stdout
    assert hashlib.sha256(track.read_bytes()).hexdigest() == right
    assert shard.is_file()
