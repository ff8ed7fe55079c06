"""The state of a run is read from what its jobs write."""

import os
import time

import numpy as np
import pytest

from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.status import (
    DONE,
    FAILED,
    LOST,
    RUNNING,
    WAITING,
    format_seconds,
    format_status,
    read_status,
)
from basewise.track import Track
from basewise.tracks.shard import ShardWriter

LINE = "2026-01-01 10:00:00 INFO basewise.inference.progress: {} of {} bp done, {} bp/s, ETA 9 s\n"
ERROR = "2026-01-01 10:00:09 ERROR basewise: no GPU is seen; found cpu\n"


@pytest.fixture
def run(tmp_path):
    """A run of six shards, one in each state and one more that runs."""
    results = tmp_path / "results/hg/model"
    logs = tmp_path / "logs/predict_shard/hg/model"
    for folder in (results / "shards", results / "tracks", logs):
        folder.mkdir(parents=True)
    (results / "regions.bed").write_text("chr1\t0\t4000\nchr2\t100\t2100\n")
    (results / "tracks/exon.bw").touch()
    meta = {"dtype": "uint8", "resolution_bp": 1, "metadata": {}}
    path = results / "shards/1-of-6.shard"
    with ShardWriter(path, tracks=[Track("exon")], **meta) as writer:
        writer.add(("chr1", 0, 1000), np.zeros((1, 1000), np.uint8))
    (logs / "1-of-6.log").write_text(LINE.format("1,000", "1,000", "77"))
    (logs / "2-of-6.log").write_text(LINE.format("100", "1,000", "5") * 3)
    (logs / "3-of-6.log").write_text(
        LINE.format("1", "1,000", "1") + LINE.format("300", "1,000", "35")
    )
    (logs / "4-of-6.log").write_text(ERROR)
    (logs / "5-of-6.log").write_text(LINE.format("900", "1,000", "99"))
    os.utime(logs / "5-of-6.log", (time.time() - 3600,) * 2)
    return tmp_path


def test_each_shard_has_its_state(run):
    (status,) = read_status(run)
    assert (status.assembly, status.model, status.merged) == ("hg", "model", 1)
    assert {shard.item: shard.state for shard in status.shards} == {
        "1-of-6": DONE,
        "2-of-6": RUNNING,
        "3-of-6": RUNNING,
        "4-of-6": FAILED,
        "5-of-6": LOST,
        "6-of-6": WAITING,
    }
    assert status.total_bp == 6000
    assert status.done_bp == 1000 + 100 + 300
    assert status.bp_per_s == 40
    assert status.eta_s == (6000 - 1400) / 40


def test_a_library_that_complains_is_no_job_that_failed(run):
    """JAX says so of its plugin for graphics cards on every node without one, and goes on."""
    log = run / "logs/predict_shard/hg/model/2-of-6.log"
    said = "2026-01-01 10:00:00 ERROR jax._src.xla_bridge: Jax plugin configuration error\n"
    log.write_text(said + "Traceback …\n" + LINE.format("100", "1,000", "5"))
    assert read_status(run)[0].shards[1].state == RUNNING
    log.write_text(said + "Traceback …\n")
    assert read_status(run)[0].shards[1].state == RUNNING


def test_what_was_made_before_the_tiles_is_made_anew(run):
    """Snakemake removes such files when their jobs begin, on their nodes."""
    model = run / "results/hg/model"
    later = time.time() + 10
    (model / "tiles.bed").touch()
    os.utime(model / "tiles.bed", (later, later))
    new = run / "logs/predict_shard/hg/model/2-of-6.log"
    os.utime(new, (later + 1, later + 1))
    states = [shard.state for shard in read_status(run, now=later + 2)[0].shards]
    assert states == [WAITING, RUNNING, *[WAITING] * 4]


def test_the_lines_tell_it(run):
    text = "\n".join(format_status(read_status(run)))
    assert "hg model: 23.3% of 6,000 bp" in text
    assert "1 done, 2 running, 1 failed, 1 lost, 1 waiting of 6" in text
    assert "40 bp/s, ETA 2 min" in text
    assert "failed 4-of-6: basewise: no GPU is seen; found cpu" in text
    assert "lost 5-of-6" in text


def test_a_damaged_shard_is_no_done_one(run):
    path = run / "results/hg/model/shards/1-of-6.shard"
    path.write_bytes(path.read_bytes()[:-9])
    shard = read_status(run)[0].shards[0]
    assert shard.state == FAILED
    assert "cut short" in shard.error


def test_shards_of_an_older_cut_do_not_count(run):
    """Whoever changes the number of shards leaves files and logs of the other names."""
    newer = run / "logs/predict_shard/hg/model/2-of-3.log"
    newer.write_text("")
    later = time.time() + 10
    os.utime(newer, (later, later))
    states = [shard.state for shard in read_status(run, now=later)[0].shards]
    assert states == [WAITING, RUNNING, WAITING]


def test_the_command_needs_no_snakemake(run, capsys):
    assert main(["status", str(run), "--silent", "7200"]) == 0
    assert "3 running" in capsys.readouterr().out
    assert main(["status", str(run / "logs")]) == 1
    assert "No run in" in capsys.readouterr().err


def test_a_run_that_has_not_begun(tmp_path):
    with pytest.raises(BasewiseError, match="tiles are planned first"):
        read_status(tmp_path)
    (tmp_path / "results/hg/model").mkdir(parents=True)
    (tmp_path / "results/hg/model/regions.bed").write_text("chr1\t0\t10\n")
    (status,) = read_status(tmp_path)
    assert status.eta_s is None
    assert list(format_status([status])) == ["hg model: 0.0% of 10 bp", "  shards: none begun"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3 s"), (119, "2 min"), (3600, "1 h 00 min"), (7500, "2 h 05 min")]
)
def test_times_are_read_by_people(seconds, text):
    assert format_seconds(seconds) == text
