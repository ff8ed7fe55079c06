"""Metrics equal scikit-learn's definitions, checked against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.training.binding.metrics import (
    TrackSums,
    accuracy,
    average_precision,
    precision_recall,
    roc_area,
    score_groups,
    summarise_binary,
)

pairs = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40)


def count_by_hand(scores, labels):
    """Average precision and AUROC by their definitions, threshold by threshold, pair by pair."""
    area, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        now = sum(called) / sum(labels)
        area += (now - recall) * sum(called) / len(called)
        recall = now
    wins = [
        (a > b) + (a == b) / 2
        for a, is_bound in zip(scores, labels, strict=True)
        if is_bound
        for b, other in zip(scores, labels, strict=True)
        if not other
    ]
    return area, np.mean(wins) if wins else np.nan


@given(pairs)
def test_areas_are_their_definitions(drawn):
    scores, labels = map(list, zip(*drawn, strict=True))
    if not any(labels):
        assert np.isnan(average_precision(np.array(scores), np.array(labels)))
        return
    area, chance = count_by_hand(scores, labels)
    assert average_precision(np.array(scores), np.array(labels)) == pytest.approx(area)
    assert roc_area(np.array(scores), np.array(labels)) == pytest.approx(chance, nan_ok=True)


@given(pairs)
def test_areas_do_not_depend_on_order_or_scale(drawn):
    scores, labels = (np.array(values) for values in zip(*drawn, strict=True))
    turned = average_precision(np.exp(scores[::-1].astype(float)), labels[::-1])
    assert turned == pytest.approx(average_precision(scores, labels), nan_ok=True)


def test_a_perfect_ranking_and_its_reverse():
    labels = np.array([1, 1, 0, 0])
    assert average_precision(np.array([4.0, 3, 2, 1]), labels) == 1.0
    assert roc_area(np.array([4.0, 3, 2, 1]), labels) == 1.0
    assert roc_area(np.array([1.0, 2, 3, 4]), labels) == 0.0


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        average_precision(np.array([np.nan, 1.0]), np.array([0, 1]))


def test_a_curve_is_thinned_and_keeps_its_ends():
    rng = np.random.default_rng(0)
    labels = rng.random(5000) < 0.3
    scores = labels + rng.normal(size=5000)
    thin = precision_recall(scores, labels, points=50)
    assert len(thin) <= 51
    assert thin["recall"].iloc[-1] == 1.0
    assert thin["recall"].is_monotonic_increasing


def test_groups_are_judged_alone_and_undefined_ones_left_out_of_means():
    scores = np.array([3.0, 2, 1, 9, 8, 7])
    labels = np.array([1, 0, 0, 1, 1, 1])
    groups = np.array(["b", "b", "b", "a", "a", "a"], object)
    table = score_groups(scores, labels, groups)
    assert list(table["group"]) == ["a", "b"]
    assert list(table["n_positive"]) == [3, 1]
    assert np.isnan(table["auroc"][0])
    assert summarise_binary(scores, labels, groups)["auprc"] == 1.0  # of b alone


def test_accuracy_takes_the_sign_of_logits():
    assert accuracy(np.array([2.0, -1, 0.5, -3]), np.array([1, 0, 0, 1])) == 0.5


def test_track_sums_add_up_to_correlations_of_all_bins():
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 12, 7))
    parts = TrackSums(), TrackSums()
    parts[0].update(x[:5], y[:5])
    parts[1].update(x[5:], y[5:])
    found = (parts[0] + parts[1]).finalize()
    assert found["pearson"] == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    each = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    assert found["window_pearson"] == pytest.approx(np.mean(each))


def test_bins_without_a_value_do_not_count():
    rng = np.random.default_rng(2)
    x, y = rng.random((2, 3, 8))
    y[0, 2:5], y[2] = np.nan, np.nan
    sums = TrackSums()
    sums.update(x, y)
    known = ~np.isnan(y)
    found = sums.finalize()
    assert found["pearson"] == pytest.approx(np.corrcoef(x[known], y[known])[0, 1])
    each = [np.corrcoef(a[k], b[k])[0, 1] for a, b, k in zip(x[:2], y, known, strict=False)]
    assert found["window_pearson"] == pytest.approx(np.mean(each))


def test_a_constant_track_correlates_nothing():
    sums = TrackSums()
    sums.update(np.ones((2, 4)), np.random.default_rng(0).random((2, 4)))
    assert sums.finalize()["window_pearson"] == 0.0
    assert np.isnan(sums.finalize()["pearson"])
