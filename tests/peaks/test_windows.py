"""Windows: around summits, inside their chrom, labelled, in splits that share nothing held out."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome
from basewise.peaks import write_store
from basewise.peaks.dropped import read_dropped
from basewise.peaks.experiments import read_experiments
from basewise.peaks.negatives import FramePeaks, Ground, NegativeSettings, draw_negatives
from basewise.peaks.placing import check_widths, place_windows
from basewise.peaks.splits import SplitRules
from basewise.peaks.windows import make_windows

SIZES = {"a": 3_000, "b": 2_000, "c": 2_500}
SCOPE = ["experiment", "target", "biotype"]
RULES = SplitRules(
    valid_chroms=("b",), test_chroms=("c",), test_targets=("FOXO1",), test_biotypes=("HepG2",)
)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    n = 400
    chrom = rng.choice(list(SIZES), n)
    start = rng.integers(0, [SIZES[name] - 30 for name in chrom])
    return pd.DataFrame(
        {
            "chrom": chrom,
            "start": start,
            "end": start + 30,
            "summit": start + rng.integers(0, 30, n),
            "score": rng.random(n).astype(np.float32) * 100,
            "experiment": rng.choice(["E1", "E2"], n),
            "target": rng.choice(["CTCF", "PAX3-FOXO1", "FOXO1_p", "PAX3"], n),
            "biotype": rng.choice(["K562", "HepG2_x", "HepG2", "cell.with.dots"], n),
        }
    )


@pytest.fixture(scope="module")
def negatives(frame) -> list[pd.DataFrame]:
    peaks = FramePeaks(frame, SIZES)
    kinds = (
        NegativeSettings("random", 41, n=300, avoid=()),
        NegativeSettings("scoped", 41, n=4, when_short="fewer"),
    )
    return [draw_negatives(peaks, Ground(SIZES), kind, seed=1)[0] for kind in kinds]


def read(folder) -> pd.DataFrame:
    frames = [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    return pd.concat(
        [part.astype({c: str for c in part if part[c].dtype == "category"}) for part in frames]
    )


@given(
    st.integers(1, 60),
    st.integers(60, 90),
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 30), st.integers(0, 29)), min_size=1),
    st.sampled_from(["summit", "middle"]),
)
def test_windows_never_leave_their_chrom(width, size, rows, centre):
    start = np.array([row[0] for row in rows])
    end = np.minimum(start + [row[1] for row in rows], size)
    summit = np.minimum(start + [row[2] for row in rows], end - 1)
    placed = place_windows(start, end, summit, size_bp=size, width_bp=width, centre=centre)
    assert np.all((placed >= 0) & (placed + width <= size))
    middle = summit if centre == "summit" else (start + end) // 2
    assert np.all((placed <= middle) & (middle < placed + width))
    inside = (placed > 0) & (placed + width < size)
    if centre == "summit":
        assert np.all((summit - placed == width // 2)[inside])
    else:
        left, right = start - placed, placed + width - end
        assert np.all(((right - left == 0) | (right - left == 1))[inside])


# What becomes of the seed system's intervals here: where the window starts, or why there is none.
GOLDEN_INTERVALS = {
    ("chr1", 5, 25, 20): 5,
    ("chr1", 5, 25, 40): 0,  # padded by 5 on the left there, moved inside here
    ("chr1", 100, 120, 41): 90,  # an odd base more goes to the right
    ("chr1", 2990, 3000, 40): 2960,  # padded by 15 on the right there
    ("chr1", 5, 25, 10): 10,  # not cut there, so that batches do not stack
    ("chr1", 2990, 3010, 20): "do not lie in a chrom",  # padded there
    ("chr1", -4, 6, 10): "do not lie in a chrom",
    ("chr1", 5, 25, 3100): "cannot hold a window",  # padded on both sides there
}


def test_golden_intervals_of_the_seed_system(shared):
    """Where its window lies inside the chrom, ours holds the same bases."""
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())
    lines = golden["fixtures"]["genome.fa"].partition(">chr1\n")[2].partition(">")[0].split()
    genome = MemoryGenome({"chr1": "".join(lines)})
    sizes = genome.chromsizes
    assert sizes == {"chr1": 3_000}
    cases = golden["expected"]["fasta_interval"]
    assert len(cases) == len(GOLDEN_INTERVALS)
    for case in cases:
        chrom, start, end = case["interval"]
        width = case["kwargs"].get("context_length", end - start)
        expected = GOLDEN_INTERVALS[chrom, start, end, width]
        row = {"chrom": chrom, "start": start, "end": end, "summit": start, "score": 0.0}
        frame = pd.DataFrame([row | dict.fromkeys(SCOPE, "x")])
        if isinstance(expected, str):
            with pytest.raises(BasewiseError, match=expected):
                check_widths(FramePeaks(frame, sizes).chroms, sizes, width)
            continue
        spans = (np.array([value]) for value in (start, end, start))
        placed = place_windows(*spans, size_bp=3_000, width_bp=width, centre="middle")
        assert placed.tolist() == [expected]
        bases = genome.read(chrom, expected, expected + width).tobytes().decode()
        theirs = case["decoded"].strip(".")
        if len(theirs) == width:
            assert bases == theirs
        elif len(theirs) > width:
            assert bases in theirs
        else:
            assert theirs in bases


def test_a_window_per_peak_and_negative(frame, negatives, tmp_path):
    store = write_store([frame], tmp_path / "store", chromsizes=SIZES)
    counts = make_windows(store, negatives, tmp_path / "w", width_bp=41, rules=SplitRules(), seed=3)
    assert counts["split"].unique().tolist() == ["train"]
    windows = pd.read_parquet(tmp_path / "w" / "train.parquet")
    assert windows["kind"].value_counts().to_dict() == counts.set_index("kind")["n"].to_dict()
    assert (windows["end"] - windows["start"] == 41).all()
    assert [str(windows[c].dtype) for c in ("start", "end", "label", "score", "n_peaks")] == [
        *("int32", "int32", "uint8", "float32", "int64")
    ]
    positive = windows[windows["kind"] == "peak"]
    assert positive["label"].all()
    assert not windows.loc[windows["kind"] != "peak", "label"].any()
    expected = frame.rename(columns={"start": "peak_start", "end": "peak_end"})
    expected["start"] = np.clip(frame["summit"] - 20, 0, frame["chrom"].map(SIZES) - 41)
    columns = ["chrom", "start", "peak_start", "peak_end", *SCOPE, "score"]
    assert sorted(map(tuple, expected[columns].astype(str).to_numpy())) == sorted(
        map(tuple, positive[columns].astype(str).to_numpy())
    )
    per_scope = frame.groupby(SCOPE).size()
    found = windows.set_index(SCOPE)["n_peaks"]
    assert all(per_scope[scope] == n for scope, n in found.items())
    scoped, drawn = windows[windows["kind"] == "scoped"], negatives[1]
    keys = ["chrom", "start", "end", *SCOPE]
    assert sorted(map(tuple, scoped[keys].astype(str).to_numpy())) == sorted(
        map(tuple, drawn[keys].astype(str).to_numpy())
    )
    assert not windows.loc[windows["label"] == 0, "score"].any()
    assert (windows.loc[windows["label"] == 0, ["peak_start", "peak_end"]] == -1).all(axis=None)
    given = windows[windows["kind"] == "random"].groupby(SCOPE, observed=True).size()
    exact = per_scope * 300 / len(frame)
    assert given.sum() == 300
    assert all(abs(given.get(scope, 0) - n) < 1 for scope, n in exact.items())
    for _, rows in windows.groupby("chrom", observed=True):
        assert rows["start"].is_monotonic_increasing


def test_dropped_peaks_lie_beside_the_windows(frame, tmp_path):
    dropped = pd.DataFrame({"chrom": ["a"], "start": [10], "end": [50]}, dtype=object).astype(
        {"start": np.int32, "end": np.int32}
    )
    dropped = dropped.assign(target="CTCF", biotype="K562")
    peaks = FramePeaks(frame, SIZES, dropped=dropped)
    make_windows(peaks, [], tmp_path / "some", width_bp=41, rules=SplitRules(), seed=1)
    assert read_dropped(tmp_path / "some").to_dict("records") == dropped.to_dict("records")
    store = write_store([frame], tmp_path / "store", chromsizes=SIZES)
    make_windows(store, [], tmp_path / "none", width_bp=41, rules=SplitRules(), seed=1)
    assert read_dropped(tmp_path / "none").empty


def test_splits_share_nothing_that_they_hold_out(frame, negatives, tmp_path):
    counts = make_windows(
        FramePeaks(frame, SIZES), negatives, tmp_path, width_bp=41, rules=RULES, seed=3
    )
    assert {path.stem for path in tmp_path.glob("*.parquet")} == set(RULES.names)
    windows = read(tmp_path)
    assert len(windows) + counts.loc[counts["split"] == "unused", "n"].sum() == counts["n"].sum()
    held_target = windows["target"].isin(["PAX3-FOXO1", "FOXO1_p"])
    held_biotype = windows["biotype"].isin(["HepG2", "HepG2_x"])
    expected = np.where(windows["chrom"] == "c", "_chrom", "")
    expected = np.where(held_biotype, "_biotype", "").astype(object) + expected
    expected = "test" + np.where(held_target, "_target", "").astype(object) + expected
    expected[expected == "test"] = np.where(windows["chrom"] == "b", "valid", "train")[
        expected == "test"
    ]
    assert windows["split"].tolist() == expected.tolist()
    train = windows[windows["split"] == "train"]
    assert set(train["chrom"]) == {"a"}
    assert set(train["target"]) == {"CTCF", "PAX3"}
    assert set(train["biotype"]) == {"K562", "cell.with.dots"}
    assert set(train["kind"]) == {"peak", "random", "scoped"}
    assert not ((windows["chrom"] == "b") & (windows["split"] != "valid")).any()


def test_equal_bytes_for_equal_seeds(frame, negatives, tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        peaks = FramePeaks(frame, SIZES)
        make_windows(
            peaks, negatives[:1], tmp_path / name, width_bp=41, rules=SplitRules(), seed=seed
        )
    one, two, three = (
        (tmp_path / name / "train.parquet").read_bytes() for name in ("one", "two", "three")
    )
    assert one == two
    assert three != one


def test_golden_items_of_the_seed_system(shared, tmp_path):
    """peaks_nr, read value and label of the seed system's items.

    seed system                                      here
    peaks_nr 0 for a data set that is not listed      its number of peaks in the store
    chrY is dropped silently                          chroms are chosen
    K562 of "cell.with.dots" by one parser, "dots"    one parser (tests of names)
    by the other
    """
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())
    (tmp_path / "experiments.json").write_text(json.dumps(golden["fixtures"]["experiments.json"]))
    expected = golden["expected"]["remap_dataset"]
    sizes = {"chr1": 3_000, "chr2": 2_000, "chrX": 2_000, "chr10": 2_000}
    rows = expected["rows"]
    frame = pd.DataFrame(
        {
            "chrom": [row[0] for row in rows],
            "start": [int(row[1]) for row in rows],
            "end": [int(row[2]) for row in rows],
            "summit": [int(row[9]) for row in rows],
            "score": np.array([row[7] for row in rows], dtype=np.float32),
            "experiment": [row[5] for row in rows],
            "target": [row[4] for row in rows],
            "biotype": [row[6].split(".", 2)[2] for row in rows],
        }
    )
    make_windows(
        FramePeaks(frame, sizes),
        [],
        tmp_path / "w",
        width_bp=64,
        rules=SplitRules(),
        seed=0,
        centre="middle",
        n_peaks=read_experiments(tmp_path / "experiments.json"),
    )
    windows = pd.read_parquet(tmp_path / "w" / "train.parquet")
    counts = frame.groupby(SCOPE).size()
    items = {
        (row[0], row[5], row[4], item[2], item[4][0]): (item[3][0], item[5][0])
        for row, item in zip(rows, expected["items"], strict=True)
    }
    assert len(items) == len(windows)
    for row in windows.itertuples():
        n_peaks, label = items[row.chrom, row.experiment, row.target, row.biotype, row.score]
        assert row.label == label == 1
        own = counts[row.experiment, row.target, row.biotype]
        assert row.n_peaks == (n_peaks or own)
        assert row.end - row.start == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width_bp": 2_200}, "1 chrom with peaks cannot hold a window of 2,200 bp; found b of"),
        ({"width_bp": 60}, "negatives 1: negatives are narrower than the windows; found 41 bp"),
        ({"rules": SplitRules(test_chroms=("chr1",))}, "test_chroms names 'chr1', which no"),
        ({"rules": SplitRules(test_targets=("CTFC",))}, "Did you mean 'CTCF'?"),
        ({"rules": SplitRules(valid_biotypes=("liver",))}, "valid_biotypes names 'liver'"),
        ({"rules": SplitRules(test_chroms=("a", "b", "c"))}, "no window is left to train on"),
        ({"chroms": ["a", "x"]}, "the genome has no chrom 'x'"),
        ({"centre": "start"}, "unknown centre of windows; found 'start'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(frame, negatives, tmp_path, options, message):
    choices = {"width_bp": 41, "rules": RULES, "seed": 1} | options
    with pytest.raises(BasewiseError) as error:
        make_windows(FramePeaks(frame, SIZES), negatives, tmp_path / "w", **choices)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "w").exists() or not list((tmp_path / "w").iterdir())


def test_negatives_of_other_peaks_are_refused(frame, negatives, tmp_path):
    peaks = FramePeaks(frame[frame["target"] != "CTCF"], SIZES)
    choices = {"width_bp": 41, "rules": SplitRules(), "seed": 1}
    with pytest.raises(BasewiseError, match=r"of a scope that has no peak; found E\d\.CTCF\."):
        make_windows(peaks, negatives, tmp_path / "w", **choices)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(BasewiseError, match=r"broken\.parquet is not a whole Parquet file"):
        make_windows(peaks, [tmp_path / "broken.parquet"], tmp_path / "w", **choices)
