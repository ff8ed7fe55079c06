"""Peak stores: the same from any order of rows, read by chrom or scope as pandas would filter."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.peaks import PeakStore, spill, store_writer, write_store

CHROMSIZES = {"chr2": 5_000, "chr10": 900, "chr1": 3_000, "HLA-A*01:01/x": 700, "chrEmpty": 10}
NAMES = ["experiment", "target", "biotype", "modification"]


def make_peaks(seed, n):
    rng = np.random.default_rng(seed)
    chroms = rng.choice(["chr1", "chr2", "chr10", "HLA-A*01:01/x"], n)
    sizes = np.array([CHROMSIZES[chrom] for chrom in chroms])
    start = (rng.random(n) * (sizes - 1)).astype(np.int64)
    end = np.minimum(start + rng.integers(1, 40, n), sizes)
    frame = pd.DataFrame({"chrom": chroms, "start": start, "end": end})
    frame["summit"] = start + ((end - start) * rng.random(n)).astype(np.int64)
    frame["score"] = rng.integers(0, 9, n).astype(np.float32)
    frame["experiment"] = [f"GSE{i}" for i in rng.integers(0, 4, n)]
    frame["target"] = rng.choice(["CTCF", "PAX3-FOXO1", "ESR1_S118ph"], n)
    frame["biotype"] = rng.choice(["K562", "cell.with.dots", ""], n)
    frame["modification"] = np.where(frame["target"].str.contains("_"), "S118ph", "")
    return frame


def sort_peaks(frame):
    """In the order that a store promises, where ties are told by the remaining columns."""
    ranks = {chrom: rank for rank, chrom in enumerate(CHROMSIZES)}
    keys = pd.DataFrame(
        {
            "chrom": frame["chrom"].astype(str).map(ranks),
            **{name: frame[name] for name in ("start", "end")},
            **{name: frame[name].astype(str) for name in ("target", "biotype", "experiment")},
            "score": -frame["score"],
            "summit": frame["summit"],
        }
    )
    order = keys.sort_values(list(keys)).index
    return frame.loc[order].reset_index(drop=True)


def check(found, expected):
    expected = sort_peaks(expected)
    for name in ("chrom", *NAMES):
        found[name], expected[name] = found[name].astype(str), expected[name].astype(str)
    pd.testing.assert_frame_equal(found, expected[list(found)], check_dtype=False)


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def peaks():
    return make_peaks(1, 3_000)


@pytest.fixture(scope="module")
def store(peaks, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "store"
    return write_store([peaks], path, chromsizes=CHROMSIZES, metadata={"source": "made"})


def test_everything_comes_back_in_order(store, peaks):
    assert store.n_peaks == len(peaks)
    assert store.chroms == ["chr2", "chr10", "chr1", "HLA-A*01:01/x"]
    assert store.counts == {chrom: int((peaks["chrom"] == chrom).sum()) for chrom in store.chroms}
    assert store.metadata == {"source": "made"}
    assert store.chromsizes == CHROMSIZES
    check(store.read(), peaks)


def test_one_chrom_is_read_alone(store, peaks):
    for chrom in CHROMSIZES:
        check(store.read(chrom=chrom), peaks[peaks["chrom"] == chrom].reset_index(drop=True))
    arrays = store.read_arrays("chrEmpty")
    assert {len(values) for values in arrays.values()} == {0}


@pytest.mark.parametrize("chrom", [None, "chr10", "chr2"])
@pytest.mark.parametrize(
    "asked",
    [
        {"target": "CTCF", "biotype": "K562"},
        {"target": ["CTCF", "PAX3-FOXO1"]},
        {"biotype": ""},
        {"experiment": "GSE1"},
        {"experiment": ["GSE1", "GSE3"], "target": "ESR1_S118ph", "biotype": "cell.with.dots"},
    ],
)
def test_scopes_are_read_as_pandas_filters_them(store, peaks, asked, chrom):
    chosen = np.ones(len(peaks), dtype=bool)
    for name, values in asked.items():
        chosen &= peaks[name].isin([values] if isinstance(values, str) else values)
    if chrom is not None:
        chosen &= peaks["chrom"] == chrom
    expected = peaks[chosen].reset_index(drop=True)
    check(store.read(chrom=chrom, **asked), expected)
    if chrom is None:
        intervals = store.intervals(**asked)
        by_chrom = dict(list(expected.groupby("chrom")))
        assert set(intervals) == set(by_chrom)
        for name, rows in by_chrom.items():
            np.testing.assert_array_equal(intervals[name], merge(rows[["start", "end"]]))


def test_one_scope_does_not_read_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "SCOPE_GROUP_ROWS", 64)
    peaks = make_peaks(2, 2_000)
    store = write_store([peaks], tmp_path / "store", chromsizes=CHROMSIZES)
    for path in (tmp_path / "store" / "chroms").iterdir():
        path.unlink()
    table = store_writer.pq.ParquetFile(tmp_path / "store" / "by_scope.parquet")
    assert table.num_row_groups == -(-2_000 // 64)
    read = []
    whole = store_writer.pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        store_writer.pq.ParquetFile,
        "read_row_group",
        lambda self, group, columns: (read.append(group), whole(self, group, columns))[1],
    )
    is_asked = (peaks["target"] == "CTCF") & (peaks["biotype"] == "K562")
    check(store.read(target="CTCF", biotype="K562"), peaks[is_asked].reset_index(drop=True))
    assert 0 < len(read) <= is_asked.sum() // 64 + 2
    del read[:]
    is_asked = peaks["biotype"] == "K562"  # a stretch in each target, and no group is read twice
    check(store.read(biotype="K562"), peaks[is_asked].reset_index(drop=True))
    assert len(read) == len(set(read)) < table.num_row_groups


def test_scopes_are_counted(store, peaks):
    table = store.scopes()
    counts = peaks.groupby(["target", "biotype", "experiment", "modification"]).size()
    assert (
        table.set_index(["target", "biotype", "experiment", "modification"])["n_peaks"].to_dict()
        == counts.to_dict()
    )
    assert table[["target", "biotype", "experiment"]].apply(tuple, axis=1).is_monotonic_increasing


def test_columns_and_types(store):
    frame = store.read(columns=["target", "start", "chrom"])
    assert list(frame) == ["target", "start", "chrom"]
    assert frame["start"].dtype == np.int32
    assert list(frame["chrom"].cat.categories) == list(CHROMSIZES)
    arrays = store.read_arrays("chr1", ("start", "scope"))
    names = store.scopes()["target"].to_numpy()[arrays["scope"]]
    assert names.tolist() == store.read(chrom="chr1")["target"].tolist()


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(1, 7), st.booleans())
def test_any_order_and_cut_of_rows_gives_the_same_bytes(tmp_path_factory, seed, n, n_cuts, small):
    folder = tmp_path_factory.mktemp("orders")
    peaks = make_peaks(seed, n)
    write_store([peaks], folder / "a", chromsizes=CHROMSIZES)
    rng = np.random.default_rng(seed)
    shuffled = peaks.iloc[rng.permutation(n)].reset_index(drop=True)
    parts = np.array_split(np.arange(n), n_cuts)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(spill, "BUFFER_BYTES", 100)
        frames = (shuffled.iloc[part] for part in parts)
        write_store(frames, folder / "b", chromsizes=CHROMSIZES)
    assert digests(folder / "a") == digests(folder / "b")


def test_small_buckets_change_nothing(tmp_path, monkeypatch, peaks, store):
    monkeypatch.setattr(store_writer, "BUCKET_ROWS", 100)
    small = write_store([peaks], tmp_path / "s", chromsizes=CHROMSIZES)
    pd.testing.assert_frame_equal(small.read(target="CTCF"), store.read(target="CTCF"))


def test_missing_columns_have_defaults(tmp_path):
    frame = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [21]})
    store = write_store([frame], tmp_path / "store", chromsizes=CHROMSIZES)
    row = store.read().iloc[0]
    assert (row["summit"], row["score"], row["target"]) == (15, 0, "")


@pytest.mark.parametrize(
    ("peak", "message"),
    [
        ({"chrom": "chr7", "start": 0, "end": 5}, "assembly lacks; found 'chr7'"),
        ({"chrom": "chr10", "start": 890, "end": 901}, "chr10:890-901"),
        ({"chrom": "chr10", "start": 5, "end": 5}, "chr10:5-5"),
        ({"chrom": "chr10", "start": -1, "end": 5}, "chr10:-1-5"),
        ({"chrom": "chr10", "start": 0, "end": 5, "summit": 5}, "summit 5"),
        ({"chrom": "chr10", "start": 0}, "no 'end'"),
    ],
)
def test_peaks_that_cannot_be_leave_nothing(tmp_path, peak, message):
    good = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [21]})
    with pytest.raises(BasewiseError, match=message):
        write_store([good, pd.DataFrame([peak])], tmp_path / "store", chromsizes=CHROMSIZES)
    assert list(tmp_path.iterdir()) == []


def test_no_peak_is_no_store(tmp_path, peaks):
    with pytest.raises(BasewiseError, match="no peak to store"):
        write_store([peaks[:0]], tmp_path / "store", chromsizes=CHROMSIZES)
    assert list(tmp_path.iterdir()) == []


def test_a_crash_leaves_what_was_there(tmp_path, peaks, monkeypatch):
    path = tmp_path / "store"
    write_store([peaks[:100]], path, chromsizes=CHROMSIZES)
    before = digests(path)

    def crash(*_):
        raise RuntimeError("killed")

    monkeypatch.setattr(store_writer, "_by_scope", crash)  # the chroms are written by then
    with pytest.raises(RuntimeError, match="killed"):
        write_store([peaks], path, chromsizes=CHROMSIZES)
    assert digests(path) == before
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    assert write_store([peaks], path, chromsizes=CHROMSIZES).n_peaks == len(peaks)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_way_is_kept(tmp_path, peaks):
    (tmp_path / "store").write_text("mine")
    with pytest.raises(BasewiseError, match="is a file"):
        write_store([peaks], tmp_path / "store", chromsizes=CHROMSIZES)
    assert (tmp_path / "store").read_text() == "mine"


def test_what_is_no_store_is_said(tmp_path, peaks):
    with pytest.raises(BasewiseError, match="not a whole peak store"):
        PeakStore(tmp_path)
    store = write_store([peaks], tmp_path / "store", chromsizes=CHROMSIZES)
    (store.path / "scopes.parquet").write_bytes(b"PAR1")
    with pytest.raises(BasewiseError, match="not a whole peak store"):
        PeakStore(store.path)
    (store.path / "store.json").write_text('{"version": 99}')
    with pytest.raises(BasewiseError, match="another version"):
        PeakStore(store.path)


def test_names_that_are_not_there_are_said(store):
    with pytest.raises(BasewiseError, match=r"no peak of target 'CTFC'.*'CTCF'"):
        store.read(target="CTFC")
    with pytest.raises(BasewiseError, match=r"no peak of biotype 'K-562'.*'K562'"):
        store.intervals(biotype=["K-562"])
    with pytest.raises(BasewiseError, match=r"without the chrom.*'chr3'"):
        store.read(chrom="chr3")
    with pytest.raises(BasewiseError, match=r"no such column; found 'begin'"):
        store.read(columns=["begin"])
