"""Segments matched by reciprocal overlap: against all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from basewise.evaluation.segments import SegmentCounts, count_segments
from basewise.intervals import merge

intervals = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 12)).map(lambda x: (x[0], x[0] + x[1])),
    max_size=12,
).map(merge)


@given(intervals, intervals, intervals)
def test_counts_equal_a_comparison_of_all_pairs(segments, calls, left_out):
    n_segments = n_found = 0
    for s, e in segments.tolist():
        if any(a < e and b > s for a, b in left_out.tolist()):
            continue
        n_segments += 1
        shared = [(min(e, b) - max(s, a), b - a) for a, b in calls.tolist()]
        n_found += any(2 * n >= e - s and 2 * n >= length for n, length in shared)
    assert count_segments(segments, calls, left_out) == SegmentCounts(n_segments, n_found)


def test_without_segments_the_recall_is_undefined():
    assert np.isnan(SegmentCounts().finalize()["segment_recall"])
    assert (SegmentCounts(2, 1) + SegmentCounts(2, 2)).finalize() == {
        "n_segments": 4,
        "segment_recall": 0.75,
    }
