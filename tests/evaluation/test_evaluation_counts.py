"""Metrics of counts: against definitions spelled out base by base and pair by pair."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.evaluation import ElementCounts
from basewise.evaluation.counts import METRICS


def confusion(probs, labels, threshold):
    pairs = list(zip([p >= np.float32(threshold) for p in probs], labels, strict=True))
    return [sum(pair == want for pair in pairs) for want in ((1, 1), (1, 0), (0, 1), (0, 0))]


def plain_mcc(probs, labels, threshold):
    called = [float(p >= np.float32(threshold)) for p in probs]
    mean_c, mean_y = sum(called) / len(called), sum(labels) / len(labels)
    cov = sum((c - mean_c) * (y - mean_y) for c, y in zip(called, labels, strict=True))
    var_c = sum((c - mean_c) ** 2 for c in called)
    var_y = sum((y - mean_y) ** 2 for y in labels)
    return cov / math.sqrt(var_c * var_y) if var_c > 1e-12 and var_y > 1e-12 else 0.0


def plain_metrics(probs, labels, threshold):
    """Every metric from its definition; labels with at least one 1."""
    tp, fp, fn, _ = confusion(probs, labels, threshold)
    positives = [p for p, y in zip(probs, labels, strict=True) if y]
    negatives = [p for p, y in zip(probs, labels, strict=True) if not y]
    wins = sum((a > b) + 0.5 * (a == b) for a in positives for b in negatives)
    auprc, last_recall = 0.0, 0.0
    for cut in sorted(set(probs), reverse=True):
        tp_cut, fp_cut, fn_cut, _ = confusion(probs, labels, cut)
        recall = tp_cut / (tp_cut + fn_cut)
        auprc += (recall - last_recall) * tp_cut / (tp_cut + fp_cut)
        last_recall = recall
    return {
        "mcc": plain_mcc(probs, labels, threshold),
        "auprc": auprc,
        "auroc": wins / (len(positives) * len(negatives)) if negatives else math.nan,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "precision": tp / (tp + fp) if tp + fp else math.nan,
        "recall": tp / (tp + fn),
        "jaccard": tp / (tp + fp + fn),
        "best_mcc": max(plain_mcc(probs, labels, cut) for cut in set(probs)),
    }


bases = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 1)), min_size=1, max_size=40)


def split(pairs):
    probs = np.array([k / 255 for k, _ in pairs], dtype=np.float32)
    return probs, np.array([y for _, y in pairs], dtype=np.uint8)


@settings(deadline=None)
@given(bases.filter(lambda pairs: any(y for _, y in pairs)), st.integers(0, 255))
def test_metrics_of_8_bit_probabilities_equal_the_definitions(pairs, k):
    probs, labels = split(pairs)
    counts = ElementCounts(k / 255)
    counts.update(probs, labels)
    metrics = counts.finalize()
    expected = plain_metrics(probs.tolist(), labels.tolist(), k / 255)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name
    assert metrics["n_positive"] == labels.sum()
    assert metrics["n_scored"] == len(labels)
    assert metrics["prevalence"] == labels.mean()
    at_best = metrics["best_mcc_threshold"]
    assert plain_mcc(probs, labels.tolist(), at_best) == pytest.approx(metrics["best_mcc"])


@settings(deadline=None)
@given(bases, st.integers(0, 40))
def test_counts_add(pairs, cut):
    probs, labels = split(pairs)
    whole, first, second = (ElementCounts(0.5) for _ in range(3))
    whole.update(probs, labels)
    first.update(probs[:cut], labels[:cut])
    second.update(probs[cut:], labels[cut:])
    np.testing.assert_equal((first + second).finalize(), whole.finalize())


def test_counts_of_different_thresholds_do_not_add():
    with pytest.raises(ValueError, match="thresholds differ"):
        ElementCounts(0.5) + ElementCounts(0.6)


def test_float_probabilities_are_exact_at_the_threshold_and_close_in_ranking():
    rng = np.random.default_rng(3)
    labels = rng.random(500) < 0.2
    probs = np.clip(0.3 * labels + rng.normal(0.35, 0.15, 500), 0, 1).astype(np.float32)
    counts = ElementCounts(0.5004)
    counts.update(probs, labels)
    metrics = counts.finalize()
    expected = plain_metrics(probs.tolist(), labels.astype(int).tolist(), 0.5004)
    for name in ("mcc", "f1", "precision", "recall", "jaccard"):
        assert metrics[name] == pytest.approx(expected[name], abs=1e-12), name
    for name in ("auprc", "auroc", "best_mcc"):
        assert metrics[name] == pytest.approx(expected[name], abs=5e-3), name


def test_perfect_and_inverted_probabilities():
    labels = np.array([1, 1, 0, 0, 0, 0])
    perfect, inverted = ElementCounts(0.5), ElementCounts(0.5)
    perfect.update(np.where(labels, 0.9, 0.1), labels)
    inverted.update(np.where(labels, 0.1, 0.9), labels)
    best, worst = perfect.finalize(), inverted.finalize()
    assert [best[m] for m in ("mcc", "auprc", "auroc", "f1")] == pytest.approx([1, 1, 1, 1])
    assert [worst[m] for m in ("mcc", "auroc", "f1")] == pytest.approx([-1, 0, 0])


def test_unscored_bases_are_not_counted():
    counts = ElementCounts(0.5)
    counts.update(np.array([np.nan, 0.9, 0.1, np.nan]), np.array([1, 1, 0, 0]))
    assert (counts.n_positive, counts.n_scored) == (1, 2)
    assert counts.finalize()["mcc"] == 1


def test_metrics_without_positives_are_undefined_rather_than_zero():
    counts = ElementCounts(0.5)
    counts.update(np.array([0.9, 0.1]), np.array([0, 0]))
    metrics = counts.finalize()
    assert (metrics["n_positive"], metrics["n_scored"], metrics["prevalence"]) == (0, 2, 0)
    assert all(math.isnan(metrics[name]) for name in METRICS)
    assert math.isnan(ElementCounts(0.5).finalize()["prevalence"])


def test_metrics_that_no_call_defines():
    counts = ElementCounts(0.95)
    counts.update(np.array([0.9, 0.1]), np.array([1, 0]))
    metrics = counts.finalize()
    assert math.isnan(metrics["precision"])
    assert (metrics["mcc"], metrics["f1"], metrics["recall"], metrics["best_mcc"]) == (0, 0, 0, 1)


def test_genome_sized_counts_do_not_overflow():
    counts = ElementCounts(0.5)
    counts.histogram[0, 0] = counts.histogram[1, -1] = 20_000_000_000
    counts.called[1] = 20_000_000_000
    assert counts.finalize()["mcc"] == pytest.approx(1)


@pytest.mark.parametrize("bad", [-0.01, 1.5, np.inf])
def test_values_that_are_no_probabilities_are_refused(bad):
    with pytest.raises(BasewiseError, match="outside 0 to 1"):
        ElementCounts(0.5).update(np.array([0.5, bad]), np.array([0, 1]))


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="shape"):
        ElementCounts(0.5).update(np.zeros(3), np.zeros(4))
