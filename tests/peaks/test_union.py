"""What a catalogue covers outlives the filters, so that negatives can keep away from all of it."""

import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.genome import MemoryGenome
from basewise.intervals import merge, subtract
from basewise.peaks import PeakColumns, PeakFilters, PeakStore, build_store, union, write_store
from basewise.peaks.negatives import FramePeaks, NegativeSettings, generate_negatives

CHROMSIZES = {"chr1": 3_000, "chr2": 2_000, "chr3": 500}
needs_bedtools = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="bedtools is not installed"
)


def make_rows(seed: int, n: int = 60) -> pd.DataFrame:
    """Peaks of two targets in turn, a few of them of one that is rare, in no order."""
    rng = np.random.default_rng(seed)
    chrom = rng.choice(list(CHROMSIZES), n, p=[0.5, 0.4, 0.1])
    start = rng.integers(0, [CHROMSIZES[name] - 30 for name in chrom])
    names = np.where(np.arange(n) % 6 == 0, "E2.RARE.HeLa", "E1.CTCF.K562")
    return pd.DataFrame(
        {"chrom": chrom, "start": start, "end": start + rng.integers(1, 30, n), "name": names}
    )


def build(rows: pd.DataFrame, folder, **options) -> PeakStore:
    path = folder / "peaks.bed"
    rows.to_csv(path, sep="\t", header=False, index=False)
    build_store(str(path), folder / "store", chromsizes=CHROMSIZES, **options)
    return PeakStore(folder / "store")


def listed(intervals) -> list[tuple]:
    return [(chrom, *span) for chrom, spans in intervals.items() for span in spans.tolist()]


@needs_bedtools
@settings(max_examples=20)
@given(
    st.integers(0, 10**6),
    st.sampled_from(
        [
            PeakFilters(),
            PeakFilters(targets=["CTCF"], min_peaks=3),
            PeakFilters(exclude_chroms=["chr1"], max_score=0),
            PeakFilters(replicates="merge", exclude_biotypes=["HeLa"]),
        ]
    ),
    st.sampled_from([1, 7, 1 << 20]),
)
def test_the_union_is_that_of_bedtools_whatever_filters_leave(
    tmp_path_factory, seed, filters, rows_at_once
):
    from pybedtools import BedTool

    rows = make_rows(seed)
    blacklist = {"chr2": np.array([[0, 400]])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(union, "ROWS_AT_ONCE", rows_at_once)
        folder = tmp_path_factory.mktemp("union")
        store = build(rows, folder, filters=filters, blacklist=blacklist)
    merged = BedTool.from_dataframe(rows).sort().merge()
    found = store.catalogue()
    assert listed(found) == [(row.chrom, row.start, row.end) for row in merged]
    assert all(rows.dtype == np.int64 for rows in found.values())
    for chrom, spans in store.intervals().items():
        assert not len(subtract(spans, found[chrom]))


def test_rows_of_no_chrom_and_broken_ones_are_not_in_it_and_those_past_the_end_are_cut(tmp_path):
    rows = pd.DataFrame(
        [
            ("chr3", 480, 520, "E.A.B"),
            ("chr3", 600, 700, "E.A.B"),
            ("chr3", 10, 20, "E.A.B"),
            ("chr3", 40, 50, "no name of the layout"),
            ("chrUn", 100, 200, "E.A.B"),
        ]
    )
    store = build(rows, tmp_path, max_beyond=0.9, max_malformed=0.5)
    assert listed(store.catalogue()) == [("chr3", 10, 20), ("chr3", 480, 500)]
    assert listed(store.intervals()) == [("chr3", 10, 20)]


def test_rows_whose_scopes_filters_drop_are_in_it(tmp_path):
    rows = pd.DataFrame([("chr1", 5, 9, "CTCF:K562,HeLa"), ("chr1", 9, 12, "MYC:HeLa")])
    filters = PeakFilters(biotypes=["K562"])
    store = build(rows, tmp_path, columns=PeakColumns("nr"), filters=filters)
    assert listed(store.catalogue()) == [("chr1", 5, 12)]
    assert listed(store.intervals()) == [("chr1", 5, 9)]


def test_peaks_that_were_never_filtered_are_their_own_catalogue(tmp_path):
    rows = make_rows(2)
    store = write_store([rows[:20], rows[20:]], tmp_path / "store", chromsizes=CHROMSIZES)
    spans = {
        chrom: merge(rows.loc[rows["chrom"] == chrom, ["start", "end"]]) for chrom in CHROMSIZES
    }
    assert listed(store.catalogue()) == listed(spans) == listed(store.intervals())
    frame = store.read()
    assert listed(FramePeaks(frame, CHROMSIZES).catalogue()) == listed(spans)
    assert FramePeaks(frame, CHROMSIZES, {"chr1": spans["chr1"]}).catalogue().keys() == {"chr1"}


@pytest.mark.parametrize("kind", ["random", "matched"])
def test_no_negative_touches_a_peak_that_filters_dropped(tmp_path, kind):
    rows = make_rows(1)
    store = build(rows, tmp_path, filters=PeakFilters(targets=["CTCF"]))
    assert store.scopes()["target"].tolist() == ["CTCF"]
    rng = np.random.default_rng(1)
    bases = np.frombuffer(b"ACGT", np.uint8)
    genome = MemoryGenome({chrom: rng.choice(bases, n) for chrom, n in CHROMSIZES.items()})

    def touched(**options) -> set[str]:
        wanted = NegativeSettings(kind, 25, n=900, gc_bins=2, step=1, **options)
        path = tmp_path / "negatives.parquet"
        generate_negatives(store, path, settings=wanted, seed=1, genome=genome)
        negatives = pd.read_parquet(path).astype({"chrom": str})
        assert len(negatives) == 900
        pairs = negatives.merge(rows, on="chrom", suffixes=("", "_of_peak"))
        is_hit = (pairs["start"] < pairs["end_of_peak"]) & (pairs["start_of_peak"] < pairs["end"])
        return set(pairs["name"][is_hit])

    assert touched() == touched(avoid=("catalogue", "peaks")) == set()
    assert touched(avoid=("peaks",)) == {"E2.RARE.HeLa"}
    assert touched(avoid=()) == {"E2.RARE.HeLa", "E1.CTCF.K562"}
