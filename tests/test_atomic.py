"""Files that are whole or absent, what killed processes leave, and what a full disk says."""

import errno
import os
import random
import signal
import subprocess
import sys

import pytest

from basewise import atomic
from basewise.atomic import atomic_path, explain_write_errors, scratch_directory
from basewise.errors import BasewiseError
from basewise.intervals import index_bed, write_bed

WRITER = """
import sys
from basewise.atomic import atomic_path, scratch_directory
with atomic_path(sys.argv[1]) as temporary, scratch_directory(sys.argv[1]) as folder:
    temporary.write_text("half")
    (folder / "part").write_text("half")
    print("begun", flush=True)
    sys.stdin.readline()
    temporary.write_text("whole")
"""


def test_the_umask_is_asked_once(tmp_path, monkeypatch):
    """A process has one umask: threads that set it to learn it would see each other's."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("it was set"))
    with atomic_path(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~atomic.UMASK


@pytest.fixture
def start_writer():
    """start(target) → a process that is in the midst of writing it and waits for a line."""
    running = []

    def start(target):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, os.fspath(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "new" / "x"

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            assert not target.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names_in(target.parent) == []
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
    assert target.read_text() == "whole"
    assert names_in(target.parent) == ["x"]
    plain = tmp_path / "plain"
    plain.touch()
    assert target.stat().st_mode == plain.stat().st_mode


def test_what_a_killed_process_left_goes_when_its_target_is_written(start_writer, tmp_path):
    target, other = tmp_path / "x", tmp_path / "x.bw"
    for path in (target, other):
        process = start_writer(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(names_in(tmp_path)) == 2 * 3  # the file, the claim of the directory, the directory
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
    left = names_in(tmp_path)
    assert len(left) == 1 + 3
    assert all(name == "x" or name.startswith(".x.bw.") for name in left)
    with scratch_directory(other):
        pass
    assert names_in(tmp_path) == ["x"]


def test_what_a_live_process_writes_stays(start_writer, tmp_path):
    target = tmp_path / "x"
    process = start_writer(target)
    before = names_in(tmp_path)
    with atomic_path(target) as temporary, scratch_directory(target):
        temporary.write_text("ours")
        assert set(before) < set(names_in(tmp_path))
    assert target.read_text() == "ours"
    process.communicate("go on\n")
    assert process.returncode == 0
    assert target.read_text() == "whole"
    assert names_in(tmp_path) == ["x"]


def test_nothing_is_removed_where_there_are_no_locks(monkeypatch, tmp_path):
    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    (tmp_path / ".x.abcdefgh.tmp").touch()
    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    with atomic_path(tmp_path / "x") as temporary:
        temporary.touch()
    assert names_in(tmp_path) == [".x.abcdefgh.tmp", "x"]
    monkeypatch.undo()
    with atomic_path(tmp_path / "x") as temporary:
        temporary.touch()
    assert names_in(tmp_path) == ["x"]


def test_a_scratch_directory_goes_with_all_it_holds(tmp_path):
    def fail():
        with scratch_directory(tmp_path / "x") as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "file").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("make", [atomic_path, scratch_directory])
def test_a_disk_that_takes_no_more_is_one_line(tmp_path, make, code):
    def write():
        with make(tmp_path / "x"):
            raise OSError(code, os.strerror(code))

    with pytest.raises(BasewiseError) as caught:
        write()
    assert f"{tmp_path / 'x'} could not be written; found {os.strerror(code)}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == []


def test_a_place_that_is_none_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "x", tmp_path / ("x" * 300)):
        with pytest.raises(BasewiseError, match="could not be written"), atomic_path(target):
            pass
    assert names_in(tmp_path) == ["file"]


def test_errors_about_other_files_pass(tmp_path):
    for error in (
        FileNotFoundError(errno.ENOENT, "none", "/elsewhere/input"),
        PermissionError(errno.EACCES, "denied", "/elsewhere/input"),
        OSError("without a reason"),
    ):
        with pytest.raises(type(error)), explain_write_errors(tmp_path / "x"):
            raise error


def test_unfinished_files_make_room(tmp_path):
    part = tmp_path / "x.part"
    part.touch()
    with (
        pytest.raises(BasewiseError, match="GiB free"),
        explain_write_errors(tmp_path / "x", part, tmp_path / "never made"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not part.exists()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB, where this machine lets the tests mount one."""
    room = tmp_path / "small"
    room.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", os.fspath(room)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        done = None
    if done is None or done.returncode:
        pytest.skip("this user may not mount a small file system; the simulated one is tested")
    yield room
    subprocess.run(["umount", "--lazy", os.fspath(room)], check=True)


@pytest.mark.parametrize("name", ["x.bed", "x.bed.gz"])
def test_beds_on_a_disk_that_is_really_full(small_disk, name):
    draw = random.Random(0)
    rows = [("c", start, start + 1, draw.random()) for start in range(40_000)]
    with pytest.raises(BasewiseError, match=r"x\.bed\S* could not be written.* GiB free"):
        write_bed(rows, small_disk / name)
    assert names_in(small_disk) == []
    write_bed(rows, small_disk.parent / "rows.bed")
    with pytest.raises(BasewiseError, match="could not be written"):
        index_bed(small_disk.parent / "rows.bed", small_disk / "y.bed.gz")
    assert names_in(small_disk) == []
