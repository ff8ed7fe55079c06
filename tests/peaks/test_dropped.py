"""What filters dropped of a target that is left: kept beside the peaks, and never a negative."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.intervals import merge
from basewise.peaks import PeakFilters, PeakStore, build_store
from basewise.peaks.negatives import FramePeaks, Ground, NegativeSettings, draw_negatives

SIZES = {"chr1": 4_000, "chr2": 1_000}
ROWS = [
    ("chr1", 100, 200, "E1.CTCF.K562", 9),  # seen twice
    ("chr1", 110, 210, "E2.CTCF.K562", 9),
    ("chr1", 500, 600, "E1.CTCF.K562", 9),  # seen once, where MYC and MAX are seen twice
    ("chr1", 500, 600, "E1.MYC.K562", 9),
    ("chr1", 505, 590, "E2.MYC.K562", 9),
    ("chr1", 510, 590, "E1.MAX.K562", 9),
    ("chr1", 520, 590, "E2.MAX.K562", 9),
    ("chr1", 1_500, 1_600, "E1.MYC.K562", 9),
    ("chr1", 1_500, 1_600, "E2.MYC.K562", 9),
    ("chr1", 2_000, 2_050, "E1.CTCF_ph.K562", 2),
    ("chr2", 300, 340, "E1.CTCF.HepG2", 1),
    ("chr2", 400, 440, "E1.SOX2.K562", 1),
]


@pytest.fixture
def build(tmp_path):
    """`build(rows, **filters)` -> store, with chr2:300-360 on the blacklist."""

    def build(rows=ROWS, *, blacklist=True, **filters) -> PeakStore:
        return build_rows(tmp_path, rows, blacklist=blacklist, **filters)

    return build


def build_rows(folder, rows, *, blacklist=True, **filters) -> PeakStore:
    lines = [f"{c}\t{a}\t{b}\t{name}\t{score}\n" for c, a, b, name, score in rows]
    (folder / "peaks.bed").write_text("".join(lines))
    build_store(
        str(folder / "peaks.bed"),
        folder / "store",
        chromsizes=SIZES,
        filters=PeakFilters(**filters),
        blacklist={"chr2": np.array([[300, 360]])} if blacklist else None,
    )
    return PeakStore(folder / "store")


def list_rows(store: PeakStore) -> list[tuple]:
    dropped = store.dropped()
    assert [str(dropped[name].dtype) for name in ("start", "end")] == ["int32", "int32"]
    return sorted(
        dropped.astype({"chrom": str, "target": str, "biotype": str}).itertuples(
            index=False, name=None
        )
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, []),
        (
            {"replicates": "merge", "min_experiments": 2},
            [("chr1", 500, 600, "CTCF", "K562"), ("chr1", 2_000, 2_050, "CTCF", "K562")],
        ),
        ({"min_score": 5.0}, [("chr1", 2_000, 2_050, "CTCF", "K562")]),
        ({"modifications": "drop"}, [("chr1", 2_000, 2_050, "CTCF", "K562")]),
        ({"min_peaks": 2}, [("chr1", 2_000, 2_050, "CTCF", "K562")]),
        (
            {"exclude_experiments": ["E1"]},
            [
                *(
                    ("chr1", *span, "CTCF", "K562")
                    for span in ((100, 200), (500, 600), (2_000, 2_050))
                ),
                ("chr1", 510, 590, "MAX", "K562"),
                *(("chr1", *span, "MYC", "K562") for span in ((500, 600), (1_500, 1_600))),
            ],
        ),
        ({"targets": ["MYC"], "chroms": ["chr1"]}, []),
    ],
)
def test_peaks_that_filters_drop_are_kept_beside_those_of_their_target(build, filters, expected):
    """But none of a target or biotype without a peak, and none for where it lies."""
    assert list_rows(build(**filters)) == sorted(expected)


def test_hard_negatives_are_no_dropped_peaks_of_their_target(build):
    """CTCF was seen there once, so that no peak is left: MYC's are no negatives of it."""
    store = build(replicates="merge", min_experiments=2)
    settings = NegativeSettings("hard", 20, n=9, when_short="fewer")
    negatives, _ = draw_negatives(store, Ground(SIZES), settings, seed=1)
    found = {
        target: set(rows["start"] // 500)
        for target, rows in negatives.groupby("target", observed=True)
    }
    assert found["CTCF"] == {3}  # 1500, not 500
    settings = NegativeSettings("scoped", 20, n=600)
    negatives, _ = draw_negatives(store, Ground(SIZES), settings, seed=1)
    own = negatives[(negatives["target"] == "CTCF") & (negatives["chrom"] == "chr1")]
    settings = NegativeSettings("random", 20, n=1_500, avoid=("peaks",))
    anywhere, _ = draw_negatives(store, Ground(SIZES, ["chr1"]), settings, seed=1)
    own = pd.concat([own, anywhere])  # a random one may be given to any of the targets
    for start, end in ((100, 210), (500, 600), (2_000, 2_050)):
        assert not ((own["start"] < end) & (own["end"] > start)).any()


def test_a_dropped_peak_of_any_biotype_bars_where_the_target_is_avoided():
    frame = pd.DataFrame(
        {
            "chrom": "chr2", "start": [100, 700], "end": [200, 800], "summit": [150, 750],
            "score": 1.0, "experiment": "E", "target": "CTCF", "biotype": ["K562", "HepG2"],
        }
    )  # fmt: skip
    dropped = pd.DataFrame(
        {"chrom": "chr2", "start": [400], "end": [500], "target": "CTCF", "biotype": "HepG2"}
    )
    peaks = FramePeaks(frame, SIZES, dropped=dropped)
    for avoid, is_free in (("scope", True), ("target", False)):
        settings = NegativeSettings("scoped", 20, n=300, avoid=(avoid,))
        negatives, _ = draw_negatives(peaks, Ground(SIZES, ["chr2"]), settings, seed=1)
        own = negatives[negatives["biotype"] == "K562"]
        assert ((own["start"] < 500) & (own["end"] > 400)).any() == is_free


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(SIZES)),
            st.integers(0, 300),
            st.integers(1, 90),
            st.sampled_from(["E1", "E2", "E3"]),
            st.sampled_from(["A", "A_p", "B"]),
            st.sampled_from(["x", "y"]),
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=15,
    ),
    st.sampled_from(
        [
            {"min_score": 2.0},
            {"replicates": "merge", "min_experiments": 2},
            {"min_peaks": 3, "exclude_experiments": ["E2*"]},
            {"modifications": "drop"},
        ]
    ),
)
def test_left_and_dropped_are_all_that_the_catalogue_has_of_a_target(
    tmp_path_factory, rows, filters
):
    """For targets and biotypes with a peak left: no base is lost, and none is invented."""
    rows = [
        (chrom, start, start + size, f"{experiment}.{target}.{biotype}", score)
        for chrom, start, size, experiment, target, biotype, score in rows
    ]
    always = (
        ("chr1", 900, 950, "E1.Z.z", 9),
        ("chr1", 905, 955, "E3.Z.z", 9),
        ("chr1", 990, 991, "E1.Z.z", 9),
    )
    store = build_rows(tmp_path_factory.mktemp("p"), [*rows, *always], blacklist=False, **filters)
    kept = store.read(columns=["chrom", "start", "end", "target", "biotype"])
    kept["target"] = kept["target"].astype(str).str.partition("_")[0]
    expected = {}
    for chrom, start, end, name, _ in (*rows, *always):
        _, target, biotype = name.split(".")
        expected.setdefault((target.partition("_")[0], biotype, chrom), []).append((start, end))
    left = set(zip(kept["target"], kept["biotype"], strict=True))
    found = {}
    for table in (kept, store.dropped()):
        for chrom, start, end, target, biotype in table.itertuples(index=False):
            found.setdefault((target, biotype, chrom), []).append((start, end))
    expected = {key: merge(spans).tolist() for key, spans in expected.items() if key[:2] in left}
    assert {key: merge(spans).tolist() for key, spans in found.items()} == expected
