"""Runs of bases at or above a threshold, found in a stream of windows.

The state of a run that is still open is carried from one window to the next, and a run's values
are added base by base in genome order, so that the calls, mean included, do not depend on where
the windows end.
"""

import numpy as np
from numba import njit

_CLOSED = -1


class RunCaller:
    """Calls of one element on one chrom, fed with consecutive windows from position 0.

    A call starts and ends on a base with p >= threshold. Calls separated by at most
    `join_gap_bp` bases below the threshold are one call; an unscored (NaN) base always ends a
    call. Calls shorter than `min_length_bp` are dropped. The comparison is made in float32, the
    precision of the tracks, so that a threshold written as 0.4 admits the stored value 0.4.
    """

    def __init__(self, *, threshold: float, min_length_bp: int = 1, join_gap_bp: int = 0):
        self._threshold = np.float32(threshold)
        self._min_length_bp = int(min_length_bp)
        self._join_gap_bp = int(join_gap_bp)
        self._offset = 0
        self._span = np.array([_CLOSED, 0], dtype=np.int64)  # start and end of the open run
        self._sums = np.zeros(2)  # sum over the open run; sum over the gap after it
        self._intervals: list[np.ndarray] = []
        self._means: list[np.ndarray] = []

    def update(self, values: np.ndarray) -> None:
        """Take the next window: float32 (n,) probabilities, NaN where unscored."""
        values = np.ascontiguousarray(values, dtype=np.float32)
        intervals = np.empty((len(values) // 2 + 2, 2), dtype=np.int64)
        means = np.empty(len(intervals))
        n_calls = _scan(
            values,
            self._offset,
            self._threshold,
            self._min_length_bp,
            self._join_gap_bp,
            self._span,
            self._sums,
            intervals,
            means,
        )
        self._offset += len(values)
        self._intervals.append(intervals[:n_calls].copy())
        self._means.append(means[:n_calls].copy())

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """End the chrom. Return int64 (n, 2) intervals and the float64 (n,) mean p of each."""
        self.update(np.full(1, np.nan, dtype=np.float32))
        return np.concatenate(self._intervals), np.concatenate(self._means)


@njit(cache=True, nogil=True)
def _scan(values, offset, threshold, min_length_bp, join_gap_bp, span, sums, intervals, means):
    start, end = span[0], span[1]
    total, gap_total = sums[0], sums[1]
    n_calls = 0
    for i in range(len(values)):
        p = values[i]
        if p >= threshold:
            if start == _CLOSED:
                start = offset + i
                total = float(p)
            else:
                total += gap_total + p
            gap_total = 0.0
            end = offset + i + 1
        elif start != _CLOSED:
            if np.isnan(p) or offset + i + 1 - end > join_gap_bp:
                if end - start >= min_length_bp:
                    intervals[n_calls, 0] = start
                    intervals[n_calls, 1] = end
                    means[n_calls] = total / (end - start)
                    n_calls += 1
                start = _CLOSED
            else:
                gap_total += p
    span[0], span[1] = start, end
    sums[0], sums[1] = total, gap_total
    return n_calls
