"""Baselines and tables: what is compared with what, and who counts in means."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.evaluation.binding.baselines import (
    gc_content,
    learn_gc_signs,
    observed_mean,
    orient_gc,
)
from basewise.evaluation.binding.tables import mean_curves, score_targets, summarise
from basewise.report.binding_figure import plot_binding, plot_training


def test_gc_is_of_known_bases():
    codes = np.array([[0, 1, 2, 3], [1, 1, 4, 4], [4, 4, 4, 4]], np.uint8)
    assert gc_content(codes).tolist() == [0.5, 1.0, 0.5]


def test_gc_takes_the_side_of_each_target_and_unseen_ones_that_of_all():
    gc = np.array([0.9, 0.1, 0.2, 0.8, 0.7, 0.3])
    labels = np.array([1, 0, 1, 0, 1, 0], bool)
    targets = np.array(["rich", "rich", "poor", "poor", "rich", "rich"], object)
    signs = learn_gc_signs(gc, labels, targets)
    assert (signs["rich"], signs["poor"], signs[""]) == (1, -1, 1)
    scores = orient_gc(np.array([0.4, 0.4, 0.4]), np.array(["rich", "poor", "new"]), signs)
    assert scores.tolist() == [0.4, -0.4, 0.4]


def make(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end", "target"])


def test_the_observed_mean_counts_other_training_targets_with_a_peak_there():
    windows = make(
        [("a", 0, 100, "A"), ("a", 0, 100, "X"), ("b", 0, 100, "A"), ("a", 200, 300, "B")]
    )
    peaks = make([("a", 0, 90, "A"), ("a", 20, 80, "B"), ("a", 10, 60, "B"), ("a", 40, 60, "H")])
    # A of A's own window and the held-out H never count; two peaks of B are one target
    found = observed_mean(windows, peaks, {"A", "B", "C"})
    assert found.tolist() == [1 / 2, 2 / 3, 0.0, 0.0]


@given(st.integers(0, 10_000), st.booleans())
def test_the_observed_mean_is_that_of_each_window_by_hand(seed, is_text):
    rng = np.random.default_rng(seed)
    tables = []
    for n in (12, 30):
        start = rng.integers(0, 300, n)
        names = (rng.choice(list(own), n) for own in ("ab", "ABCDX"))
        table = make(list(zip(next(names), start, start + 60, next(names), strict=True)))
        tables.append(
            table if is_text else table.astype(dict.fromkeys(("chrom", "target"), "category"))
        )
    windows, peaks = tables
    training = ["A", "C", "Z", "X"]
    expected = []
    for row in windows.itertuples():
        centre = (peaks["start"] + peaks["end"]) // 2
        there = peaks[(peaks["chrom"] == row.chrom) & (centre >= row.start) & (centre < row.end)]
        others = set(training) - {row.target}
        expected.append(len(others & set(there["target"])) / len(others))
    np.testing.assert_allclose(observed_mean(windows, peaks, training), expected)


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(5)
    targets = np.repeat(np.array(["A", "B", "few"], object), [200, 200, 20])
    labels = rng.random(420) < 0.3
    labels[400:] = [True] * 3 + [False] * 17
    scores = {
        "model": labels + rng.normal(size=420),
        "motif": np.where(targets == "B", np.nan, 0.3 * labels + rng.normal(size=420)),
    }
    return scores, labels, targets


def test_means_are_over_targets_with_enough_that_the_predictor_knows(judged):
    scores, labels, targets = judged
    by_target = score_targets(scores, labels, targets)
    assert list(by_target["target"]) == ["A", "B", "few"]
    assert np.isnan(by_target["auprc_motif"][1])
    summary = summarise(by_target, scores, labels, targets, model="model").set_index("predictor")
    assert summary.loc["model", "targets"] == 2
    assert summary.loc["motif", "targets"] == 1
    assert summary.loc["model", "auprc"] == pytest.approx(by_target["auprc_model"][:2].mean())
    assert summary.loc["motif", "better"] == 1.0
    assert np.isnan(summary.loc["model", "better"])
    alone = summarise(by_target, scores, labels, targets, model="model", min_positives=1).set_index(
        "predictor"
    )
    assert alone.loc["model", "targets"] == 3


def test_curves_are_means_over_targets(judged):
    scores, labels, targets = judged
    curves = mean_curves(scores, labels, targets)
    model = curves[curves["predictor"] == "model"]
    assert model["recall"].tolist() == pytest.approx(np.linspace(0, 1, 101).tolist())
    both = np.mean([labels[targets == name].mean() for name in ("A", "B")])
    assert model["precision"].iloc[-1] == pytest.approx(both, abs=0.02)
    assert model["precision"].iloc[5] > model["precision"].iloc[-1]


def test_figures_are_drawn(judged, tmp_path):
    scores, labels, targets = judged
    by_target = score_targets(scores, labels, targets)
    summary = summarise(by_target, scores, labels, targets, model="model")
    summary.insert(0, "split", "test_chrom")
    curves = mean_curves(scores, labels, targets)
    curves.insert(0, "split", "test_chrom")
    plot_binding(summary, curves, tmp_path / "curves.png")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5, "valid_auprc": 0.6}\n')
    plot_training(tmp_path / "metrics.jsonl", tmp_path / "training.svg")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "validation" in (tmp_path / "training.svg").read_text().lower()
