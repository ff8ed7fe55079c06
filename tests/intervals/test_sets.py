"""Set operations against boolean masks and against bedtools."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.intervals import (
    as_intervals,
    complement,
    covered_bp,
    intersect,
    mask_of,
    merge,
    runs_of,
    subtract,
)

SIZE = 60
interval = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)
intervals = st.lists(interval, max_size=12).map(as_intervals)


def as_mask(rows):
    mask = np.zeros(SIZE, dtype=bool)
    for start, end in rows:
        mask[start:end] = True
    return mask


@given(a=intervals, b=intervals)
def test_operations_equal_operations_on_masks(a, b):
    mask_a, mask_b = as_mask(a), as_mask(b)
    np.testing.assert_array_equal(merge(a), runs_of(mask_a))
    np.testing.assert_array_equal(intersect(a, b), runs_of(mask_a & mask_b))
    np.testing.assert_array_equal(subtract(a, b), runs_of(mask_a & ~mask_b))
    np.testing.assert_array_equal(complement(a, SIZE), runs_of(~mask_a))
    assert covered_bp(a) == mask_a.sum()


@given(rows=intervals, window=interval)
def test_mask_of_is_the_mask_of_a_window(rows, window):
    start, end = window
    np.testing.assert_array_equal(mask_of(rows, start, end), as_mask(rows)[start:end])


@given(mask=st.lists(st.booleans(), max_size=40), offset=st.integers(0, 1000))
def test_runs_of_round_trips_through_mask_of(mask, offset):
    runs = runs_of(mask, offset)
    assert runs.dtype == np.int64
    assert runs.shape == (len(runs), 2)
    np.testing.assert_array_equal(mask_of(runs, offset, offset + len(mask)), mask)


def test_merge_joins_across_a_gap_that_is_small_enough():
    rows = [(0, 10), (15, 20), (26, 30)]
    assert merge(rows, gap_bp=5).tolist() == [[0, 20], [26, 30]]
    assert merge(rows, gap_bp=4).tolist() == [[0, 10], [15, 20], [26, 30]]
    assert merge([(5, 5)]).shape == (0, 2)


def test_an_interval_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="9-3"):
        as_intervals([(1, 2), (9, 3)])


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
@settings(max_examples=25, deadline=None)
@given(a=intervals, b=intervals, gap_bp=st.integers(0, 4))
def test_operations_equal_bedtools(a, b, gap_bp):
    import pybedtools

    a, b = (rows[rows[:, 1] > rows[:, 0]] for rows in (a, b))
    if not len(a) or not len(b):
        return

    def bed(rows):
        return pybedtools.BedTool([("c", int(s), int(e)) for s, e in rows])

    def rows_of(tool):
        return [[row.start, row.end] for row in tool]

    try:
        merged_a, merged_b = bed(a).merge(), bed(b).merge()
        assert merge(a, gap_bp).tolist() == rows_of(bed(a).merge(d=gap_bp))
        assert intersect(a, b).tolist() == rows_of(merged_a.intersect(merged_b))
        assert subtract(a, b).tolist() == rows_of(merged_a.subtract(merged_b))
        gaps = bed(a).complement(genome={"c": (0, SIZE)})
        assert complement(a, SIZE).tolist() == rows_of(gaps)
    finally:
        pybedtools.cleanup()
