"""What a bigWig writer refuses, and what stays on the disk when it is stopped."""

import errno
import os
import signal
import subprocess
import sys
import zlib

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.tracks.bigwig import deflate, sections, writer, zoom
from basewise.tracks.bigwig.writer import BigWigWriter

ONE = np.ones(1, dtype=np.float32)


def write(path, sizes, pieces, error=None, wrap=None):
    """Write pieces; on the way raise `error`, or put the stream into `wrap`."""
    with BigWigWriter(path, sizes) as bigwig:
        if wrap is not None:
            bigwig._stream = wrap(bigwig._stream)
        for piece in pieces:
            bigwig.add(*piece)
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("pieces", "names"),
    [
        ([("zzz", 0, ONE)], "chromsizes lacks"),
        ([("a", 100, ONE)], "leave their chrom of 100 bp"),
        ([("a", -1, ONE)], "leave their chrom"),
        ([("a", 5, ONE), ("a", 5, ONE)], "out of order"),
        ([("b", 5, ONE), ("a", 5, ONE)], "out of order"),
        ([("a", 5, np.float32([1, np.nan]))], "not all finite"),
        ([("a", 5, np.float32([np.inf]))], "not all finite"),
    ],
)
def test_refused_values_leave_nothing(tmp_path, pieces, names):
    with pytest.raises(BasewiseError, match=names):
        write(tmp_path / "x.bw", {"a": 100, "b": 50}, pieces)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sizes", "names"),
    [({}, "no chromsizes"), ({"a": 2**32}, "4294967296 bp"), ({"a": 0}, "0 bp"), ({"": 1}, "''")],
)
def test_refused_chroms(tmp_path, sizes, names):
    with pytest.raises(BasewiseError, match=names):
        BigWigWriter(tmp_path / "x.bw", sizes)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_caller_passes_through(tmp_path):
    with pytest.raises(FileNotFoundError, match="a shard"):
        write(tmp_path / "x.bw", {"a": 100}, [("a", 0, ONE)], FileNotFoundError("a shard"))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "x.bw"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        write(path, {"a": 100}, [("a", 0, ONE)], KeyboardInterrupt())
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.bw"]


KILLED = """
import os, signal, sys
import numpy as np
from basewise.tracks.bigwig.writer import BigWigWriter
values = np.random.default_rng(0).random(4_000_000, dtype=np.float32)
with BigWigWriter(sys.argv[1], {"a": 10_000_000}) as writer:
    writer.add("a", 0, values)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_no_bigwig(tmp_path):
    path = tmp_path / "x.bw"
    run = subprocess.run([sys.executable, "-c", KILLED, os.fspath(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    left = list(tmp_path.iterdir())
    assert path not in left
    assert [name.suffix for name in left] == [".tmp"]
    assert left[0].stat().st_size > 1_000_000  # it was well under way
    write(path, {"a": 100}, [("a", 0, ONE)])
    assert list(tmp_path.iterdir()) == [path]


class FullDisk:
    """A stream that takes so many bytes and then is out of space."""

    def __init__(self, stream, room):
        self._stream, self._room = stream, room

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._stream.write(data)

    def __getattr__(self, name):
        return getattr(self._stream, name)


@pytest.mark.parametrize("spill", [False, True])
@pytest.mark.parametrize("room", [50, 100_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, spill, room):
    values = np.random.default_rng(0).random(40_000 if room > 50 else 10_000, dtype=np.float32)
    wrap = None if spill else lambda stream: FullDisk(stream, room)
    if spill:
        real = zoom.tempfile.TemporaryFile
        monkeypatch.setattr(
            zoom.tempfile, "TemporaryFile", lambda **at: FullDisk(real(**at), min(room, 500))
        )
    with pytest.raises(BasewiseError) as caught:
        write(tmp_path / "x.bw", {"a": 10**6}, [("a", 0, values)], wrap=wrap)
    message = str(caught.value)
    assert "x.bw could not be written" in message
    assert "No space left on device" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_really_full(tmp_path):
    """A file system of 1 MB, where this machine lets the tests mount one."""
    room = tmp_path / "small"
    room.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", os.fspath(room)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        done = None
    if done is None or done.returncode:
        pytest.skip("this user may not mount a small file system; the simulated one is tested")
    try:
        values = np.random.default_rng(0).random(2_000_000, dtype=np.float32)
        with pytest.raises(BasewiseError, match="No space left on device"):
            write(room / "x.bw", {"a": 10**7}, [("a", 0, values)])
        assert list(room.iterdir()) == []
    finally:
        subprocess.run(["umount", os.fspath(room)], check=True)


@pytest.mark.parametrize("name", list(deflate.CODECS))
def test_every_codec_makes_zlib_streams(name):
    try:
        _, compress = deflate.get_codec(name)
    except BasewiseError:
        pytest.skip(f"{name} is not installed")
    batch = sections.SectionBatch()
    batch.words[0] = 5
    batch.counts[0] = 100
    assert zlib.decompress(compress(batch.section(0))) == batch.words[0, :106].tobytes()


def test_codec_falls_back_in_order(monkeypatch):
    def absent():
        raise ImportError

    monkeypatch.setitem(deflate.CODECS, "isal", absent)
    monkeypatch.setitem(deflate.CODECS, "libdeflate", absent)
    assert deflate.get_codec()[0] == "zlib"
    with pytest.raises(BasewiseError, match="isal is not installed"):
        deflate.get_codec("isal")
    with pytest.raises(BasewiseError, match="bzip2"):
        deflate.get_codec("bzip2")


def test_slow_codecs_give_the_same_values(tmp_path, readers, monkeypatch):
    values = np.random.default_rng(0).random(30_000, dtype=np.float32)
    _, packed = deflate.get_codec("zlib")
    monkeypatch.setattr(writer, "compress", packed)
    monkeypatch.setattr(zoom, "compress", packed)
    write(tmp_path / "x.bw", {"a": 30_000}, [("a", 0, values)])
    for read in readers:
        np.testing.assert_array_equal(read(tmp_path / "x.bw", "a", 0, 30_000), values)
