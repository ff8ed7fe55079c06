"""Tracks against peaks: bins labelled by hand, scores, splits, a figure."""

import numpy as np
import pandas as pd
import pytest

from basewise.errors import BasewiseError
from basewise.evaluation.binding import tracks
from basewise.evaluation.binding.bins import label_bins, mean_bins
from basewise.evaluation.binding.tracks import evaluate_tracks
from basewise.peaks.splits import SplitRules
from basewise.report.binding_tracks_figure import plot_tracks

SIZES = {"one": 400, "two": 400, "three": 400}
PAIRS = [
    {"track": "A.cell", "target": "A", "biotype": "cell"},
    {"track": "B.cell", "target": "B", "biotype": "cell"},
]


def by_hand(peaks, size, bin_bp, step_bp):
    """The definition, base by base."""
    labels = []
    for start in range(0, size - bin_bp + 1, step_bp):
        overlaps = [max(min(start + bin_bp, e) - max(start, s), 0) for s, e in peaks]
        is_half = 2 * sum(overlaps) >= bin_bp
        is_in = any(
            2 * o >= e - s and e - s < bin_bp for o, (s, e) in zip(overlaps, peaks, strict=True)
        )
        labels.append(1 if is_half or is_in else -1 if sum(overlaps) else 0)
    return labels


def test_bins_are_labelled_as_defined():
    rng = np.random.default_rng(4)
    for _ in range(60):
        cuts = np.sort(rng.choice(600, 2 * int(rng.integers(0, 5)), replace=False))
        peaks = cuts.reshape(-1, 2).astype(np.int64)
        for bin_bp, step_bp in ((40, 10), (20, 20)):
            found = label_bins(peaks, 605, bin_bp=bin_bp, step_bp=step_bp)
            assert found.tolist() == by_hand(peaks.tolist(), 605, bin_bp, step_bp)
    assert label_bins(np.empty((0, 2), np.int64), 10).size == 0


def test_bins_of_200_bp_every_50():
    peaks = np.array([[100, 400], [700, 710]])
    labels = label_bins(peaks, 1000).tolist()
    #        0  50  100 150 200 250 300 350 400 450 500 550 600 650 700 750 800
    assert labels == [1, 1, 1, 1, 1, 1, 1, -1, 0, 0, 0, 1, 1, 1, 1, 0, 0]


def test_means_need_all_bases():
    sums = np.array([[5.0, 10.0, 0.0], [10, 10, 9]])
    np.testing.assert_array_equal(mean_bins(sums, bin_bp=20, step_bp=10), [0.75, np.nan])


@pytest.fixture
def store(monkeypatch):
    """A store of peaks of A alone: 100 to 140 of every chrom; one was dropped of chrom two."""

    class Store:
        def __init__(self, path):
            self.path = path

        def scopes(self):
            return pd.DataFrame({"target": ["A"], "biotype": ["cell"]})

        def intervals(self, *, target, biotype):
            assert (target, biotype) == ("A", "cell")
            return {chrom: np.array([[100, 140]]) for chrom in SIZES}

        def dropped(self):
            rows = [("two", 290, 330, "A", "cell"), ("two", 0, 400, "B", "cell")]
            return pd.DataFrame(rows, columns=["chrom", "start", "end", "target", "biotype"])

    monkeypatch.setattr(tracks, "PeakStore", Store)


def test_a_track_is_judged_by_split_of_chroms(store, make_bigwig, tmp_path, caplog):
    good, bad = np.zeros(40), np.zeros(40)
    good[10:14] = 0.9
    bad[30:34] = 0.9
    bigwig = make_bigwig("A.cell", {"one": good, "two": good, "three": bad}, resolution_bp=10)
    rules = SplitRules(valid_chroms=("two",), test_chroms=("three",), test_targets=("A",))
    paths = {name: tmp_path / f"{name}.tsv" for name in ("table", "curves")}
    table = evaluate_tracks(
        {"A.cell": bigwig, "B.cell": bigwig}, PAIRS, "store", SIZES,
        output=paths["table"], curves=paths["curves"], rules=rules, bin_bp=40, step_bp=20,
    )  # fmt: skip
    assert "1 tracks have no peaks to be held against: ['B.cell']" in caplog.text
    assert table["split"].tolist() == ["train", "valid", "test"]
    assert set(table["target_split"]) == {"test"}
    # bins of 40 every 20 bp: those at 80, 100 and 120 are bound, of 19; of two, those at 260 to 320
    # touch a peak that was dropped
    assert table["n"].tolist() == [19, 15, 19]
    assert table["n_positive"].tolist() == [3] * 3
    np.testing.assert_allclose(table["auprc"], [1.0, 1.0, 3 / 19], atol=0.05)
    assert table["auroc"][2] < 0.5 < table["auroc"][0] == 1.0
    read = pd.read_csv(paths["table"], sep="\t")
    pd.testing.assert_frame_equal(read, table, check_dtype=False, rtol=1e-5)
    plot_tracks(paths["table"], paths["curves"], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_what_cannot_be_judged_is_refused(store, tmp_path):
    files = {"output": tmp_path / "a", "curves": tmp_path / "b"}
    with pytest.raises(BasewiseError, match="multiple of the step between them; found 30 and 20"):
        evaluate_tracks({}, PAIRS, "s", SIZES, bin_bp=30, step_bp=20, **files)
    with pytest.raises(BasewiseError, match="track X has no target and biotype"):
        evaluate_tracks({"X": "x.bw"}, PAIRS, "s", SIZES, **files)
