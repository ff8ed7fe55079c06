"""A second run is told who holds the directory, and whether that one still lives."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from basewise.errors import BasewiseError
from basewise.runs import NOTE, explain_lock, find_other, note_run, read_run, refuse_beside


@pytest.fixture
def locked(tmp_path):
    """A directory that this process has noted, with Snakemake's lock in it."""
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.input.lock").write_text("results/a\n")
    note_run(tmp_path, jobs="name")
    return tmp_path


def test_a_note_is_read_back(tmp_path):
    assert read_run(tmp_path) is None
    run = note_run(tmp_path, jobs="name")
    assert read_run(tmp_path) == run
    assert run.pid == os.getpid()
    assert run.is_alive()


def test_a_note_that_is_no_note_does_not_count(locked):
    for text in ("", "{", "[]", '{"pid": 1}'):
        (locked / NOTE).write_text(text)
        assert read_run(locked) is None
    assert "left no note" in explain_lock(locked)


def test_without_a_lock_there_is_nothing_to_say(tmp_path):
    note_run(tmp_path)
    assert explain_lock(tmp_path) is None


def test_a_run_that_lives_is_to_be_waited_for(locked):
    text = explain_lock(locked)
    assert f"process {os.getpid()} on " in text
    assert "Another run is at work" in text
    assert "--unlock" not in text


def test_a_run_that_was_killed_is_to_be_unlocked(locked):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    run = replace(read_run(locked), pid=ended.pid)
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    assert "was killed" in explain_lock(locked)
    assert "snakemake --unlock" in explain_lock(locked)


def test_another_process_of_the_same_number_is_another_run(locked):
    run = replace(read_run(locked), born="1")
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    assert not run.is_alive()
    assert "was killed" in explain_lock(locked)


def test_a_run_elsewhere_is_to_be_looked_for(locked):
    run = replace(read_run(locked), host="elsewhere")
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    assert run.is_alive() is None
    assert "on elsewhere" in explain_lock(locked)
    assert "Look there" in explain_lock(locked)


@pytest.fixture
def living(locked):
    """The same, noted by another process, which lives."""
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{other.pid}/stat")
    born = stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else None
    run = replace(read_run(locked), pid=other.pid, born=born)
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    yield locked
    other.communicate(b"\n")


def test_a_run_that_lives_is_refused_beside_whatever_it_has_locked(living):
    for is_locked in (True, False):
        other = find_other(living, is_locked=is_locked)
        assert other == read_run(living)
        with pytest.raises(BasewiseError, match=f"One run at a time.*process {other.pid} on"):
            refuse_beside(other)


def test_a_process_is_not_in_its_own_way(locked):
    assert find_other(locked, is_locked=True) is None


def test_a_run_elsewhere_counts_while_it_has_a_lock(locked):
    run = replace(read_run(locked), host="elsewhere")
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    assert find_other(locked, is_locked=False) is None
    other = find_other(locked, is_locked=True)
    with pytest.raises(BasewiseError, match=r"on elsewhere.*Look there"):
        refuse_beside(other)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_a_process_that_nobody_waited_for_has_ended(locked):
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    stat = Path(f"/proc/{ended.pid}/stat")
    born = stat.read_text().rpartition(")")[2].split()[19]
    ended.stdout.read()
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    run = replace(read_run(locked), pid=ended.pid, born=born)
    (locked / NOTE).write_text(json.dumps(asdict(run)))
    assert not run.is_alive()
    assert find_other(locked, is_locked=True) is None
    ended.wait()
