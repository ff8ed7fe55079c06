"""A damaged shard is never merged: it is set aside, and its place is free to be filled anew."""

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.tracks.damage import aside_path, set_damaged_aside
from basewise.tracks.merge import merge_track
from basewise.tracks.shard_format import DamagedShardError

CORES = [("c", 0, 500), ("c", 500, 900)]


@pytest.fixture
def shard(write_shard, tracks):
    values = np.random.default_rng(3).random((len(tracks), 900), dtype=np.float32)
    return write_shard("1-of-1.shard", CORES, {"c": values})


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    return data[:60] + bytes([data[60] ^ 8]) + data[61:]


@pytest.mark.parametrize("damage", [cut, flip, lambda data: b"", lambda data: b"\0" * len(data)])
def test_it_is_set_aside_and_nothing_is_merged(shard, tmp_path, damage):
    damaged = damage(shard.read_bytes())
    shard.write_bytes(damaged)
    with (
        pytest.raises(BasewiseError, match="Run the same command again") as caught,
        set_damaged_aside(),
    ):
        merge_track([shard], "exon", {"c": 900}, None, tmp_path / "exon.bw")
    assert str(shard) in str(caught.value)
    assert not shard.exists()
    assert aside_path(shard).read_bytes() == damaged
    assert not (tmp_path / "exon.bw").exists()


def test_whoever_comes_second_says_the_same(tmp_path):
    path = tmp_path / "1-of-1.shard"
    said = r"1-of-1\.shard is cut short.*was not merged"
    with pytest.raises(BasewiseError, match=said), set_damaged_aside():
        raise DamagedShardError(path, "is cut short", found="3 bytes")
    assert list(tmp_path.iterdir()) == []


def test_other_errors_touch_no_shard(shard, tmp_path):
    with pytest.raises(BasewiseError, match="no track promoter"), set_damaged_aside():
        merge_track([shard], "promoter", {"c": 900}, None, tmp_path / "promoter.bw")
    assert shard.exists()
