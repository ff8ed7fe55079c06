"""Tracks describe themselves; quantised values come back within half a step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tracks import Track
from basewise.tracks.quantise import decode


def test_track_survives_a_dict():
    track = Track(
        "5UTR", value_range=(0, 2), colour="#009E73", so_term="five_prime_UTR", description="d"
    )
    assert Track.from_dict(track.to_dict()) == track


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"name": "a/b"}, "a/b"),
        ({"name": ""}, "name"),
        ({"name": ".x"}, ".x"),
        ({"name": "x", "kind": "gene"}, "gene"),
        ({"name": "x", "value_range": (1, 0)}, "value_range"),
        ({"name": "x", "colour": "red"}, "red"),
        ({"name": "x", "hue": 1}, "hue"),
        ({"kind": "element"}, "no name"),
    ],
)
def test_bad_tracks_name_what_is_wrong(values, names):
    with pytest.raises(BasewiseError, match=names):
        Track.from_dict(values)


@given(st.lists(st.floats(0, 1, width=32), min_size=1), st.sampled_from(["uint8", "float16"]))
def test_decoding_is_close_and_stable(encode, values, dtype):
    values = np.array(values, dtype=np.float32)
    decoded = decode(encode(values, dtype))
    assert decoded.dtype == np.float32
    assert np.abs(decoded - values).max() <= (0.5 / 255 + 1e-7 if dtype == "uint8" else 2.5e-4)
    np.testing.assert_array_equal(encode(decoded, dtype), encode(values, dtype))


def test_all_uint8_steps_are_the_nearest_float32():
    expected = (np.arange(256) / 255).astype(np.float32)
    np.testing.assert_array_equal(decode(np.arange(256, dtype=np.uint8)), expected)


def test_an_unknown_dtype_is_refused():
    with pytest.raises(BasewiseError, match="int8"):
        decode(np.zeros(1, dtype=np.int8))
