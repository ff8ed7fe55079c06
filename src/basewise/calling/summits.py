"""The highest place of each call along a track."""

import numpy as np


def find_summits(
    intervals: np.ndarray, starts: np.ndarray, ends: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the summit int64 (n,) and the highest value float32 (n,) of calls.

    The summit is the middle of the first stretch of equal values that are the highest: of a track
    in bins, the centre of the highest bin.

    Args:
        intervals: int64 (n, 2), sorted, without overlap, bp.
        starts, ends, values: (m,) of the track's stretches of equal values, sorted; NaN where
            unscored. They cover all intervals.
    """
    if not len(intervals):
        return np.empty(0, np.int64), np.empty(0, np.float32)
    first = np.searchsorted(ends, intervals[:, 0], side="right")
    counts = np.searchsorted(starts, intervals[:, 1], side="left") - first
    owner = np.repeat(np.arange(len(intervals)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    pieces = np.repeat(first, counts) + within
    order = np.lexsort((pieces, -values[pieces], owner))
    chosen = order[np.searchsorted(owner[order], np.arange(len(intervals)))]
    best = pieces[chosen]
    low = np.maximum(starts[best], intervals[:, 0])
    high = np.minimum(ends[best], intervals[:, 1])
    return (low + high) // 2, values[best]


class Stretches:
    """Stretches of equal values of one chrom, gathered from consecutive windows."""

    def __init__(self):
        self._starts: list[np.ndarray] = []
        self._values: list[np.ndarray] = []
        self._end = 0

    def update(self, values: np.ndarray) -> None:
        """Take the next window: float32 (n,), NaN where unscored."""
        is_new = _differs(values)
        places = np.flatnonzero(is_new)
        self._starts.append(places + self._end)
        self._values.append(values[places])
        self._end += len(values)

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return starts, ends and values of all stretches, those that windows cut joined."""
        starts = np.concatenate([np.empty(0, np.int64), *self._starts])
        values = np.concatenate([np.empty(0, np.float32), *self._values])
        if not len(starts):
            return starts, starts, values
        is_new = _differs(values)
        starts, values = starts[is_new], values[is_new]
        return starts, np.append(starts[1:], self._end), values


def _differs(values: np.ndarray) -> np.ndarray:
    """Whether each value is another than the one before it; the first is."""
    is_other = np.ones(len(values), bool)
    both_unscored = np.isnan(values[1:]) & np.isnan(values[:-1])
    is_other[1:] = (values[1:] != values[:-1]) & ~both_unscored
    return is_other
