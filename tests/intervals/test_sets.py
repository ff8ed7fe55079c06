"""Set operations against boolean masks and against bedtools."""

import shutil

import numpy as np
import pandas as pd
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


needs_bedtools = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="bedtools is not installed"
)


@needs_bedtools
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


@needs_bedtools
def test_operations_on_yeast_equal_bedtools(shared, tmp_path):
    """171,607 real peaks against all annotated rows, chrom by chrom."""
    import pybedtools

    yeast = shared / "real" / "yeast"
    tables = [yeast / "remap_like_peaks.bed.gz", yeast / "genes.gtf.gz"]
    maps = []
    for path, columns, offset in zip(tables, ([0, 1, 2], [0, 3, 4]), (0, 1), strict=True):
        rows = pd.read_csv(path, sep="\t", comment="#", header=None, usecols=columns).to_numpy()
        rows[:, 1] -= offset
        maps.append({c: rows[rows[:, 0] == c, 1:].astype(np.int64) for c in set(rows[:, 0])})
    peaks, genes = maps
    chroms = sorted(peaks.keys() & genes.keys())
    assert len(chroms) > 15
    sizes = {chrom: int(max(peaks[chrom].max(), genes[chrom].max())) for chrom in chroms}
    (tmp_path / "sizes").write_text("".join(f"{c}\t{sizes[c]}\n" for c in chroms))

    def check(operation, tool):
        rows = [row.fields[:3] for row in tool]
        found = [[chrom, int(start), int(end)] for chrom, start, end in rows]
        expected = [[chrom, *span] for chrom in chroms for span in operation(chrom).tolist()]
        assert len(found) > 1_000
        assert sorted(row for row in found if row[0] in sizes) == expected

    try:
        sorted_peaks, sorted_genes = (pybedtools.BedTool(str(path)).sort() for path in tables)
        merged_peaks, merged_genes = sorted_peaks.merge(), sorted_genes.merge()
        check(lambda c: merge(peaks[c]), merged_peaks)
        check(lambda c: merge(peaks[c], 50), sorted_peaks.merge(d=50))
        check(lambda c: intersect(peaks[c], genes[c]), merged_peaks.intersect(merged_genes))
        check(lambda c: subtract(peaks[c], genes[c]), merged_peaks.subtract(merged_genes))
        gaps = merged_peaks.complement(g=str(tmp_path / "sizes"))
        check(lambda c: complement(peaks[c], sizes[c]), gaps)
        total = sum(len(row) for row in merged_peaks if row.chrom in sizes)
        assert sum(covered_bp(peaks[c]) for c in chroms) == total
    finally:
        pybedtools.cleanup()
