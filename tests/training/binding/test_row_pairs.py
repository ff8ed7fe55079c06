"""Pairs of rows: those of each row, found by codes, in little memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.training.binding import row_pairs
from basewise.training.binding.bound import BoundPlaces
from basewise.training.binding.data import list_pairs
from basewise.training.binding.pairs import Pair, PairTable
from basewise.training.binding.row_pairs import number_rows

NAMES = ("A", "B", "A_p", "CTCF")


def make_pairs(pairs) -> PairTable:
    nothing = {name: np.zeros((1, 1)) for pair in pairs for name in pair}
    return PairTable.of(pairs, nothing, None)


@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("xyz")), min_size=1, max_size=40),
    st.booleans(),
    st.integers(1, 9),
)
def test_pairs_and_numbers_are_those_of_each_row(rows, is_text, at_once):
    table = pd.DataFrame(rows, columns=["target", "biotype"])
    if not is_text:
        table = table.astype("category")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_pairs, "ROWS_AT_ONCE", at_once)
        found = list_pairs(table, table.iloc[:1])
        assert found == sorted({Pair(*row) for row in rows})
        pairs = make_pairs(found)
        numbers = number_rows(table, pairs)
    assert numbers.tolist() == pairs.numbers(*zip(*rows, strict=True)).tolist()
    with pytest.raises(BasewiseError, match="no embeddings"):
        number_rows(
            pd.concat(
                [table.astype(str), pd.DataFrame([("A", "new")], columns=["target", "biotype"])]
            ),
            pairs,
        )


def test_bound_places_of_many_rows_take_little_memory():
    """A million rows, of which three in ten are bound; text written out took 62 bytes a row."""
    n = 1_000_000
    rng = np.random.default_rng(3)
    start = rng.integers(0, 1 << 26, n).astype(np.int32)
    label = (rng.random(n) < 0.3).astype(np.uint8)
    names = {"chrom": [f"chr{i}" for i in range(24)], "target": [f"T{i}" for i in range(300)]}
    columns = {
        name: pd.Categorical.from_codes(rng.integers(0, len(own), n), own)
        for name, own in (names | {"biotype": [f"B{i}" for i in range(20)]}).items()
    }
    windows = pd.DataFrame(
        {"start": start, "end": start + np.int32(256), "label": label}
        | columns
        | {"peak_start": start + np.int32(50), "peak_end": start + np.int32(200)}
    )
    pairs = make_pairs(list_pairs(windows))
    assert len(pairs) == 6_000
    for function, most in (
        (lambda: list_pairs(windows), 8),
        (lambda: BoundPlaces.of(windows, pairs, 50, 256), 40),
    ):
        tracemalloc.start()
        function()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most * n
