"""The codec of bigWig blocks: what is short is packed alike in every process."""

import zlib

import pytest

from basewise.tracks.bigwig.deflate import SHORT_BYTES, get_codec


@pytest.mark.parametrize("size", [1, 64, 288, 16_384, SHORT_BYTES - 1, SHORT_BYTES])
def test_isal_packs_nothing_short(size):
    """Of 64 to 288 bytes isal made other streams in about one of ten processes."""
    pytest.importorskip("isal")
    _, compress = get_codec("isal")
    data = bytes(i * i % 251 for i in range(size))
    packed = compress(memoryview(data))
    assert zlib.decompress(packed) == data
    assert size >= SHORT_BYTES or packed == zlib.compress(data, 1)
