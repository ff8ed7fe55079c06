"""Labels of a window as an array: one row per base, one column per element."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from basewise.intervals import IntervalMap


def label_array(
    labels: Mapping[str, IntervalMap], elements: Sequence[str], chrom: str, start: int, end: int
) -> np.ndarray:
    """Which elements hold which base of a window.

    Args:
        labels: element -> chrom -> int64 (n, 2) intervals, sorted and disjoint, as
            `read_annotation` returns them. A chrom without an entry has no labels.
        elements: the columns, in order; a KeyError for one that labels lack.
        chrom: chrom of the window.
        start, end: window in bp, 0-based half-open; bases outside the chrom are 0.

    Returns:
        uint8 (end - start, len(elements)) of 0 and 1, C-contiguous.
    """
    out = np.zeros((end - start, len(elements)), dtype=np.uint8)
    for column, element in enumerate(elements):
        intervals = labels[element].get(chrom)
        if intervals is None or not len(intervals):
            continue
        # bisect reads a few rows; np.searchsorted would first copy the strided column.
        low = bisect_right(intervals[:, 1], start)
        high = bisect_left(intervals[:, 0], end)
        for first, last in (intervals[low:high] - start).tolist():
            out[max(first, 0) : last, column] = 1
    return out
