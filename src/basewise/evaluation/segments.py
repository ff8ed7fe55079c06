"""Intervals against intervals: which true segments a call recovers."""

from dataclasses import dataclass

import numpy as np


@dataclass
class SegmentCounts:
    """True segments, and those matched by one call, by reciprocal overlap; these counts add."""

    n_segments: int = 0
    n_found: int = 0

    def __add__(self, other: "SegmentCounts") -> "SegmentCounts":
        return SegmentCounts(self.n_segments + other.n_segments, self.n_found + other.n_found)

    def finalize(self) -> dict[str, float]:
        """Return the number of segments and the fraction found; NaN without a segment."""
        found = self.n_found / self.n_segments if self.n_segments else np.nan
        return {"n_segments": self.n_segments, "segment_recall": found}


def count_segments(
    segments: np.ndarray, calls: np.ndarray, left_out: np.ndarray, *, overlap: float = 0.5
) -> SegmentCounts:
    """Count the segments of one chrom that share at least `overlap` of both with a single call.

    All three are int64 (n, 2), sorted and disjoint. Segments that hold a base of `left_out` are
    not counted: how they would have been called is not known.
    """
    segments = segments[_n_overlapping(segments, left_out) == 0]
    count = _n_overlapping(segments, calls)
    first = np.searchsorted(calls[:, 1], segments[:, 0], side="right")
    segment = np.repeat(np.arange(len(segments)), count)
    call = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + first[segment]
    shared = np.minimum(segments[segment, 1], calls[call, 1]) - np.maximum(
        segments[segment, 0], calls[call, 0]
    )
    longer = np.maximum(np.ptp(segments[segment], axis=1), np.ptp(calls[call], axis=1))
    found = np.unique(segment[shared >= overlap * longer])
    return SegmentCounts(len(segments), len(found))


def _n_overlapping(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many intervals of `b` share a base with each of `a`; both sorted, disjoint."""
    first = np.searchsorted(b[:, 1], a[:, 0], side="right")
    last = np.searchsorted(b[:, 0], a[:, 1], side="left")
    return np.maximum(last - first, 0)
