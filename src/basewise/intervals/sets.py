"""Set operations on the intervals of one chrom, as int64 arrays (n, 2) of start and end in bp.

Every result is sorted and disjoint, and intervals that touch are joined: the arrays stand for
sets of bases, so how a set was cut into rows carries no meaning.
"""

import numpy as np
from numpy.typing import ArrayLike

IntervalMap = dict[str, np.ndarray]


def as_intervals(rows: ArrayLike) -> np.ndarray:
    """Rows of (start, end) as an int64 array (n, 2), sorted by start, then end; n may be 0."""
    intervals = np.asarray(rows, dtype=np.int64).reshape(-1, 2)
    if np.any(intervals[:, 1] < intervals[:, 0]):
        bad = intervals[np.argmax(intervals[:, 1] < intervals[:, 0])]
        raise ValueError(f"an interval ends before it starts: {bad[0]}-{bad[1]}")
    starts, ends = intervals[:, 0], intervals[:, 1]
    if np.all((starts[1:] > starts[:-1]) | ((starts[1:] == starts[:-1]) & (ends[1:] >= ends[:-1]))):
        return intervals
    return intervals[np.lexsort((ends, starts))]


def merge(intervals: ArrayLike, gap_bp: int = 0) -> np.ndarray:
    """Join intervals that overlap, touch, or lie at most `gap_bp` apart; (n, 2) → (m, 2).

    Empty intervals (start equal to end) hold no base and are dropped.
    """
    intervals = as_intervals(intervals)
    intervals = intervals[intervals[:, 1] > intervals[:, 0]]
    if len(intervals) < 2:
        return intervals
    reach = np.maximum.accumulate(intervals[:, 1])
    first = np.flatnonzero(np.append(True, intervals[1:, 0] - reach[:-1] > gap_bp))
    last = np.append(first[1:], len(intervals)) - 1
    return np.column_stack((intervals[first, 0], reach[last]))


def intersect(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The bases in both `a` and `b`; (n, 2), (m, 2) → (k, 2)."""
    a, b = merge(a), merge(b)
    low = np.searchsorted(b[:, 1], a[:, 0], side="right")
    high = np.searchsorted(b[:, 0], a[:, 1], side="left")
    count = np.maximum(high - low, 0)
    of_a = np.repeat(np.arange(len(a)), count)
    of_b = np.arange(len(of_a)) - np.repeat(np.cumsum(count) - count, count) + low[of_a]
    return np.column_stack((np.maximum(a[of_a, 0], b[of_b, 0]), np.minimum(a[of_a, 1], b[of_b, 1])))


def subtract(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The bases of `a` that are not in `b`; (n, 2), (m, 2) → (k, 2)."""
    a = merge(a)
    if not len(a):
        return a
    return intersect(a, _between(merge(b), int(a[0, 0]), int(a[-1, 1])))


def complement(intervals: ArrayLike, size_bp: int) -> np.ndarray:
    """The bases of a chrom of `size_bp` that no interval holds; (n, 2) → (m, 2)."""
    return _between(merge(intervals), 0, size_bp)


def _between(merged: np.ndarray, start: int, end: int) -> np.ndarray:
    """The bases of start to end outside disjoint sorted intervals."""
    starts = np.append(start, np.clip(merged[:, 1], start, end))
    ends = np.append(np.clip(merged[:, 0], start, end), end)
    return np.column_stack((starts, ends))[ends > starts]


def runs_of(mask: ArrayLike, offset: int = 0) -> np.ndarray:
    """The maximal runs of True in a bool array (n,), as intervals shifted by `offset`; → (m, 2)."""
    mask = np.asarray(mask, dtype=bool)
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    if len(mask) and mask[0]:
        edges = np.append(0, edges)
    if len(mask) and mask[-1]:
        edges = np.append(edges, len(mask))
    return edges.astype(np.int64).reshape(-1, 2) + offset


def covered_bp(intervals: ArrayLike) -> int:
    """The number of distinct bases in the intervals."""
    return int(np.diff(merge(intervals), axis=1).sum())


def mask_of(intervals: ArrayLike, start: int, end: int) -> np.ndarray:
    """Which bases of start to end lie in an interval: a bool array (end - start,)."""
    intervals = as_intervals(intervals)
    intervals = intervals[: np.searchsorted(intervals[:, 0], end)]
    intervals = intervals[intervals[:, 1] > start] - start
    mask = np.zeros(end - start, dtype=bool)
    for first, last in np.maximum(intervals, 0).tolist():
        mask[first:last] = True
    return mask
