"""A shard gives back what was put in, or says what is wrong with it."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tracks import Track
from basewise.tracks.quantise import DTYPES
from basewise.tracks.shard import ShardReader, ShardWriter

EXON = Track("exon")
OPTIONS = {"dtype": "uint8", "resolution_bp": 1, "metadata": {}}


def genome(cores, tracks=2, seed=0):
    size = max(end for _, _, end in cores)
    rng = np.random.default_rng(seed)
    return {chrom: rng.random((tracks, size), dtype=np.float32) for chrom, _, _ in cores}


def cores_of(shard):
    return [(block.chrom, *core) for block in shard.blocks for core in block.cores.tolist()]


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_come_back(write_shard, tracks, encode, dtype):
    cores = [("chr2", 5, 900_000), ("chr2", 900_000, 1_300_000), ("chr2", 1_300_001, 1_300_002)]
    cores += [("chr1", 0, 7)]
    values = genome(cores)
    path = write_shard("a", cores, values, dtype=dtype, run={"device": "cpu"})
    shard = ShardReader(path)
    assert (shard.tracks, shard.dtype.name, shard.n_tiles) == (tracks, dtype, 4)
    assert shard.bp == sum(end - start for _, start, end in cores)
    assert (shard.metadata["model"], shard.run) == ("toy", {"device": "cpu"})
    assert cores_of(shard) == cores
    assert [str(block) for block in shard.blocks] == [
        "chr2:5-900000",
        "chr2:900000-1300000",
        "chr2:1300001-1300002",
        "chr1:0-7",
    ]
    for block in shard.blocks:
        for index in range(2):
            found = shard.read(block, index)
            expected = encode(values[block.chrom][index, block.start : block.end], dtype)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 300_000), min_size=1, max_size=12), st.sampled_from([1, 7, 128]))
def test_touching_cores_gather_into_blocks_of_a_megabase(write_shard, lengths, step):
    """Cores that do not divide into bins end their block, so that a block has one grid of bins."""
    ends = np.cumsum(lengths).tolist()
    cores = [("c", end - length, end) for end, length in zip(ends, lengths, strict=True)]
    path = write_shard("a", cores, genome(cores), resolution_bp=step)
    shard = ShardReader(path)
    assert cores_of(shard) == cores
    for block in shard.blocks:
        bounds = block.cores[:-1, 1]
        assert ((bounds - block.start) % step == 0).all()
        assert block.end - block.start <= 1_000_000
        assert len(shard.read(block, 1)) == -(-(block.end - block.start) // step)
    if step == 1:
        for block, following in zip(shard.blocks, shard.blocks[1:], strict=False):
            assert following.cores[0, 1] - block.start > 1_000_000


def test_an_empty_shard_is_valid(write_shard):
    shard = ShardReader(write_shard("empty", [], {}))
    assert (shard.n_tiles, shard.bp, shard.blocks) == (0, 0, [])


def test_the_callers_buffer_may_be_reused(tmp_path):
    buffer = np.empty((1, 10), dtype=np.uint8)
    with ShardWriter(tmp_path / "a.shard", tracks=[EXON], **OPTIONS) as writer:
        for start in (0, 10):
            buffer[:] = start
            writer.add(("c", start, start + 10), buffer)
    shard = ShardReader(tmp_path / "a.shard")
    assert shard.read(shard.blocks[0], 0).tolist() == [0] * 10 + [10] * 10


@pytest.mark.parametrize(
    ("cores", "dtype", "names"),
    [
        ([("c", 0, 5), ("c", 4, 9)], "uint8", "out of genome order"),
        ([("c", 0, 5), ("d", 0, 5), ("c", 5, 9)], "uint8", "out of genome order"),
        ([("c", 5, 5)], "uint8", "not an interval"),
        ([("c", 0, 5)], "float32", "needs uint8 values"),
    ],
)
def test_refused_cores_leave_nothing(tmp_path, cores, dtype, names):
    def write():
        with ShardWriter(tmp_path / "a.shard", tracks=[EXON], **OPTIONS) as writer:
            for core in cores:
                writer.add(core, np.zeros((1, core[2] - core[1]), dtype=dtype))

    with pytest.raises(BasewiseError, match=names):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_shape_names_both(tmp_path):
    with ShardWriter(tmp_path / "a.shard", tracks=[EXON], **OPTIONS) as writer:
        wrong = np.zeros((2, 5), dtype=np.uint8)
        with pytest.raises(BasewiseError, match=r"\(1, 5\).*found uint8 \(2, 5\)"):
            writer.add(("c", 0, 5), wrong)


def test_track_names_must_differ(tmp_path):
    with pytest.raises(BasewiseError, match="unique"):
        ShardWriter(tmp_path / "a.shard", tracks=[EXON, EXON], **OPTIONS)


def test_a_full_disk_leaves_nothing(tmp_path):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write():
        with ShardWriter(tmp_path / "a.shard", tracks=[EXON], **OPTIONS) as writer:
            writer.add(("c", 0, 5), np.zeros((1, 5), dtype=np.uint8))
            writer._stream.write = full

    with pytest.raises(BasewiseError, match=r"a\.shard could not be written.*No space left"):
        write()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
import numpy as np
from basewise.tracks import Track
from basewise.tracks.shard import ShardWriter
values = np.random.default_rng(0).integers(0, 256, (1, 900_000)).astype("uint8")
options = {"tracks": [Track("exon")], "dtype": "uint8", "resolution_bp": 1, "metadata": {}}
with ShardWriter(sys.argv[1], **options) as writer:
    for start in range(0, 9_000_000, 900_000):
        writer.add(("c", start, start + 900_000), values)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_writer_leaves_no_shard(tmp_path):
    path = tmp_path / "a.shard"
    run = subprocess.run([sys.executable, "-c", KILLED, os.fspath(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".tmp"
    assert left.stat().st_size > 1_000_000
    with pytest.raises(BasewiseError, match="cut short"):
        ShardReader(left)
    with ShardWriter(path, tracks=[EXON], **OPTIONS) as writer:
        writer.add(("c", 0, 5), np.zeros((1, 5), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def shard_bytes(write_shard):
    cores = [("c", 0, 4_000), ("c", 4_000, 9_000)]
    path = write_shard("a", cores, genome(cores))
    return path, path.read_bytes()


def read_all(path):
    shard = ShardReader(path)
    return [shard.read(block, index) for block in shard.blocks for index in range(2)]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95])
def test_a_shard_cut_short_is_named(shard_bytes, share):
    path, whole = shard_bytes
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BasewiseError, match=r"a\.shard is .*[Dd]elete it and run again"):
        ShardReader(path)


def test_every_flipped_byte_is_found(shard_bytes):
    """Wherever one bit flips, opening or reading says so; the length prefixes are the exception."""
    path, whole = shard_bytes
    intact = ShardReader(path)
    block = intact.blocks[0]
    expected = [intact.read(block, index) for index in range(2)]
    prefixes = {int(offset) - back for offset in block.offsets for back in (1, 2, 3, 4)}
    for place in {*range(0, len(whole), 131), *range(len(whole) - 20, len(whole))} - prefixes:
        broken = bytearray(whole)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        with pytest.raises(BasewiseError, match=r"a\.shard"):
            read_all(path)
    path.write_bytes(whole)
    for index in range(2):
        np.testing.assert_array_equal(ShardReader(path).read(block, index), expected[index])


def test_a_damaged_frame_names_track_and_interval(shard_bytes):
    path, whole = shard_bytes
    shard = ShardReader(path)
    broken = bytearray(whole)
    broken[int(shard.blocks[0].offsets[1]) + 40] ^= 1
    path.write_bytes(broken)
    assert len(shard.read(shard.blocks[0], 0)) == 9_000
    with pytest.raises(BasewiseError, match=r"a\.shard is damaged: track intron at c:0-9000"):
        shard.read(shard.blocks[0], 1)


def test_other_files_and_names(shard_bytes, tmp_path):
    path, _ = shard_bytes
    with pytest.raises(BasewiseError, match=r"has no track gene.*exon, intron"):
        ShardReader(path).track_index("gene")
    (tmp_path / "b").write_bytes(b"\x89HDF" + bytes(500))
    with pytest.raises(BasewiseError, match="is not a shard"):
        ShardReader(tmp_path / "b")
    with pytest.raises(BasewiseError, match="does not exist"):
        ShardReader(tmp_path / "c")
