"""Runs above a threshold: against a plain loop, and whatever the windows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.calling.runs import RunCaller

P = st.one_of(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 1.0, np.nan]), st.floats(0, 1, width=32))


def plain_calls(values, threshold, min_length_bp, join_gap_bp):
    """The definition, read aloud: group called bases, keep the long groups."""
    groups = []
    for i in [i for i, p in enumerate(values) if p >= np.float32(threshold)]:
        between = values[groups[-1][-1] + 1 : i] if groups else []
        if groups and len(between) <= join_gap_bp and not any(np.isnan(between)):
            groups[-1].append(i)
        else:
            groups.append([i])
    spans = [(g[0], g[-1] + 1) for g in groups if g[-1] + 1 - g[0] >= min_length_bp]
    return spans, [float(np.mean(values[s:e], dtype=np.float64)) for s, e in spans]


def call(values, sizes, **settings):
    caller = RunCaller(**settings)
    start = 0
    for size in [*sizes, len(values)]:
        caller.update(np.asarray(values[start : start + size], dtype=np.float32))
        start += size
    return caller.finish()


@given(
    values=st.lists(P, max_size=60).map(lambda v: np.array(v, dtype=np.float32)),
    sizes=st.lists(st.integers(0, 9), max_size=20),
    threshold=st.sampled_from([0.2, 0.4, 0.5, 0.6, 0.75, 1.0]),
    min_length_bp=st.integers(1, 6),
    join_gap_bp=st.integers(0, 5),
)
def test_calls_equal_the_definition_for_any_windows(
    values, sizes, threshold, min_length_bp, join_gap_bp
):
    settings = {
        "threshold": threshold,
        "min_length_bp": min_length_bp,
        "join_gap_bp": join_gap_bp,
    }
    spans, means = plain_calls(values, **settings)
    intervals, mean = call(values, sizes, **settings)
    assert [tuple(row) for row in intervals.tolist()] == spans
    np.testing.assert_allclose(mean, means, rtol=1e-6)

    whole_intervals, whole_mean = call(values, [], **settings)
    assert np.array_equal(intervals, whole_intervals)
    assert mean.tobytes() == whole_mean.tobytes()  # not one bit depends on the windows


def test_a_gap_with_an_unscored_base_is_not_joined():
    values = [0.9, 0.9, 0.1, 0.9, np.nan, 0.9]
    intervals, mean = call(values, [], threshold=0.5, join_gap_bp=3)
    assert intervals.tolist() == [[0, 4], [5, 6]]
    assert mean == pytest.approx([0.7, 0.9])


def test_a_threshold_admits_its_own_stored_value():
    values = np.array([k / 255 for k in range(256)], dtype=np.float32)
    for k in range(1, 256):
        intervals, _ = call(values, [], threshold=k / 255)
        assert intervals.tolist() == [[k, 256]]


def test_a_chrom_without_bases_has_no_calls():
    intervals, mean = RunCaller(threshold=0.5).finish()
    assert intervals.shape == (0, 2)
    assert mean.shape == (0,)
