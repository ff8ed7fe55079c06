"""Our bigWigs read back bit for bit in two independent readers, whatever shape they have."""

import os
from itertools import pairwise

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tracks.bigwig.chromtree import chrom_order
from basewise.tracks.bigwig.format import MAX_POSITION, zoom_reductions
from basewise.tracks.bigwig.reader import read_chroms, read_values
from basewise.tracks.bigwig.writer import BigWigWriter

in_tmp = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(path, chromsizes, pieces, **options):
    with BigWigWriter(path, chromsizes, **options) as writer:
        for chrom, start, values in pieces:
            writer.add(chrom, start, values)
    return path


def dense(chromsizes, pieces, step=1):
    """What a reader must see: float32 by chrom, NaN where nothing was given."""
    tracks = {chrom: np.full(size, np.nan, dtype=np.float32) for chrom, size in chromsizes.items()}
    for chrom, start, values in pieces:
        bases = np.repeat(np.asarray(values, dtype=np.float32), step)
        room = tracks[chrom][start : start + len(bases)]
        room[:] = bases[: len(room)]
    return tracks


def assert_reads_back(readers, path, chromsizes, pieces, step=1):
    for chrom, expected in dense(chromsizes, pieces, step).items():
        for read in readers:
            np.testing.assert_array_equal(read(path, chrom, 0, len(expected)), expected)


@pytest.fixture(scope="module")
def signal():
    """Quarter of a megabase with the look of probabilities: smooth, mostly low, on 1/255."""
    rng = np.random.default_rng(7)
    walk = np.cumsum(rng.normal(size=250_000)) / 100
    return (np.rint(255 / (1 + np.exp(-np.sin(walk) * 6 + 4))) / 255).astype(np.float32)


def test_values_header_and_zooms_match_numpy(tmp_path, readers, signal):
    sizes = {"chr2": 260_000, "chr10": 9_000, "chrM": 500}
    pieces = [("chr10", 17, signal[:8_500]), ("chr2", 1_000, signal[:250_000])]
    path = write(tmp_path / "x.bw", sizes, pieces)
    assert_reads_back(readers, path, sizes, pieces)

    everything = np.concatenate([values for _, _, values in pieces]).astype(np.float64)
    with pyBigWig.open(os.fspath(path)) as bigwig:
        header = bigwig.header()
        assert bigwig.chroms() == sizes
        assert header["version"] == 4
        assert header["nLevels"] == len(zoom_reductions(260_000, 1))
        assert header["nBasesCovered"] == len(everything)
        assert header["maxVal"] == pytest.approx(everything.max(), abs=1)
    summary = pybigtools.open(os.fspath(path)).info()["summary"]
    assert summary["sum"] == pytest.approx(everything.sum(), rel=1e-12)
    assert summary["min"] == everything.min()
    assert summary["max"] == everything.max()
    assert summary["std"] == pytest.approx(everything.std(ddof=1), rel=1e-6)


def test_zoom_records_are_exact(tmp_path, signal):
    sizes = {"chr1": 250_000}
    path = write(
        tmp_path / "x.bw",
        sizes,
        [("chr1", 1_000, signal[:9_000]), ("chr1", 40_000, signal[:200_000])],
    )
    track = dense(sizes, [("chr1", 1_000, signal[:9_000]), ("chr1", 40_000, signal[:200_000])])[
        "chr1"
    ]
    bigwig = pybigtools.open(os.fspath(path))
    reductions = zoom_reductions(250_000, 1)
    assert bigwig.zooms() == reductions == [256, 1024, 4096, 16384]
    for reduction in reductions:
        covered = 0
        for start, end, record in bigwig.zoom_records(reduction, "chr1"):
            assert start // reduction == (end - 1) // reduction
            values = track[start:end].astype(np.float64)
            known = values[~np.isnan(values)]
            assert not np.isnan(values[[0, -1]]).any()
            assert record["bases_covered"] == len(known)
            assert record["min_val"] == np.float32(known.min())
            assert record["max_val"] == np.float32(known.max())
            assert record["sum"] == pytest.approx(known.sum(), rel=1e-6)
            assert record["sum_squares"] == pytest.approx((known**2).sum(), rel=1e-6)
            covered += len(known)
        assert covered == 209_000


def test_stats_from_zooms_match_numpy(tmp_path, signal):
    size = 245_760  # 60 bins of 4096, so that zoom records and bins share their edges
    path = write(tmp_path / "x.bw", {"chr1": size}, [("chr1", 0, signal[:size])])
    bins = signal[:size].reshape(60, -1)
    with pyBigWig.open(os.fspath(path)) as bigwig:
        for kind, expected in (
            ("mean", bins.mean(1, dtype=np.float64)),
            ("max", bins.max(1)),
            ("min", bins.min(1)),
            ("coverage", np.ones(60)),
        ):
            found = bigwig.stats("chr1", 0, size, nBins=60, type=kind)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_intervals_leave_gaps_out(tmp_path):
    path = write(
        tmp_path / "x.bw",
        {"chr1": 100},
        [("chr1", 3, np.float32([0, 1])), ("chr1", 5, np.float32([2])), ("chr1", 90, np.ones(10))],
    )
    with pyBigWig.open(os.fspath(path)) as bigwig:
        found = bigwig.intervals("chr1")
    assert found[:3] == ((3, 4, 0.0), (4, 5, 1.0), (5, 6, 2.0))
    assert found[3:] == tuple((start, start + 1, 1.0) for start in range(90, 100))


@st.composite
def runs_and_cuts(draw):
    """Runs on two chroms with gaps of 1 or more, and the same runs cut into touching calls."""
    sizes = {"a": draw(st.integers(1, 40_000)), "b": draw(st.integers(1, 600))}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole, cut = [], []
    for chrom, size in sizes.items():
        edges = sorted(draw(st.sets(st.integers(0, size), max_size=6)))
        for start, end in zip(edges[::2], edges[1::2], strict=False):
            values = (rng.integers(0, 256, end - start) / 255).astype(np.float32)
            whole.append((chrom, start, values))
            inner = draw(st.sets(st.integers(start, end), max_size=4))
            bounds = sorted({start, end, *inner})
            cut += [
                (chrom, low, values[low - start : high - start]) for low, high in pairwise(bounds)
            ]
    return sizes, whole, cut


@in_tmp
@given(runs_and_cuts(), st.integers(1, 3))
def test_cuts_and_threads_change_no_byte(tmp_path, readers, case, threads):
    sizes, whole, cut = case
    one = write(tmp_path / "one.bw", sizes, whole, compress_threads=1)
    many = write(tmp_path / "many.bw", sizes, cut, compress_threads=threads)
    assert one.read_bytes() == many.read_bytes()
    assert_reads_back(readers, many, sizes, whole)


@in_tmp
@given(
    step=st.sampled_from([2, 32, 128]),
    size=st.integers(1, 3_000),
    start=st.integers(0, 500),
    data=st.data(),
)
def test_resolutions_above_one(tmp_path, readers, step, size, start, data):
    start = min(start, size - 1)
    n = data.draw(st.integers(1, -(-(size - start) // step)))
    values = np.random.default_rng(n).random(n, dtype=np.float32)
    path = write(tmp_path / "r.bw", {"c": size}, [("c", start, values)], resolution_bp=step)
    assert_reads_back(readers, path, {"c": size}, [("c", start, values)], step)
    expected = dense({"c": size}, [("c", start, values)], step)["c"]
    summary = pybigtools.open(os.fspath(path)).info()["summary"]
    assert summary["basesCovered"] == np.count_nonzero(~np.isnan(expected))
    assert summary["sum"] == pytest.approx(np.nansum(expected.astype(np.float64)), rel=1e-5)


def test_an_end_cuts_the_last_bin(tmp_path, readers):
    with BigWigWriter(tmp_path / "x.bw", {"c": 100}, resolution_bp=10) as writer:
        writer.add("c", 0, np.float32([1, 2]), end=13)
        writer.add("c", 13, np.float32([3]))
    expected = np.full(100, np.nan, dtype=np.float32)
    expected[:10], expected[10:13], expected[13:23] = 1, 2, 3
    for read in readers:
        np.testing.assert_array_equal(read(tmp_path / "x.bw", "c", 0, 100), expected)


def test_a_value_that_reaches_over_a_zoom_bin(tmp_path):
    path = write(tmp_path / "x.bw", {"c": 1024}, [("c", 250, np.float32([2, 4]))], resolution_bp=20)
    records = list(pybigtools.open(os.fspath(path)).zoom_records(256, "c"))
    assert [(start, end) for start, end, _ in records] == [(250, 256), (256, 290)]
    assert [record["sum"] for _, _, record in records] == [12, 14 * 2 + 20 * 4]


@pytest.mark.parametrize("n_contigs", [1, 256, 257, 5_000])
def test_many_one_base_contigs(tmp_path, n_contigs):
    sizes = {f"contig_{number}": 1 for number in range(n_contigs)}
    pieces = [
        (chrom, 0, np.float32([number / 7])) for number, chrom in enumerate(chrom_order(sizes))
    ]
    path = write(tmp_path / "x.bw", sizes, pieces)
    assert read_chroms(path) == dict.fromkeys(chrom_order(sizes), 1)
    with pyBigWig.open(os.fspath(path)) as bigwig:
        found = [bigwig.values(chrom, 0, 1)[0] for chrom, _, _ in pieces]
    assert found == [values[0] for _, _, values in pieces]
    bigwig = pybigtools.open(os.fspath(path))
    for chrom, _, values in pieces[:: max(1, n_contigs // 50)]:
        assert bigwig.values(chrom, 0, 1, fillna=None)[0] == values[0]


def test_a_three_level_chrom_tree(tmp_path, readers):
    sizes = {f"s{number:06d}": 10 for number in range(66_000)}
    pieces = [("s000000", 0, np.float32([1])), ("s065999", 9, np.float32([2]))]
    path = write(tmp_path / "x.bw", sizes, pieces)
    assert read_chroms(path) == sizes
    assert len(pybigtools.open(os.fspath(path)).chroms()) == len(sizes)
    for read in readers:
        assert read(path, "s065999", 9, 10)[0] == 2
        assert np.isnan(read(path, "s040000", 0, 10)).all()


def test_an_index_of_three_levels(tmp_path, readers):
    """One-value sections, because every value stands alone: 70,000 of them need three levels."""
    starts = np.arange(70_000) * 3
    with BigWigWriter(tmp_path / "x.bw", {"c": 210_000}) as writer:
        for start in starts.tolist():
            writer.add("c", start, np.float32([start % 1_000]))
    expected = np.full(210_000, np.nan, dtype=np.float32)
    expected[starts] = starts % 1_000
    for read in readers:
        np.testing.assert_array_equal(read(tmp_path / "x.bw", "c", 0, 210_000), expected)


def test_a_chrom_past_two_gigabases(tmp_path):
    """pybigtools takes positions below 2^31 only as arguments, so it lists the records instead."""
    sizes = {"huge": MAX_POSITION, "small": 10}
    rng = np.random.default_rng(3)
    huge = [
        ("huge", start, rng.random(length, dtype=np.float32))
        for start, length in ((0, 9_000), (2**31 - 5, 20_000), (MAX_POSITION - 300, 300))
    ]
    path = write(tmp_path / "x.bw", sizes, [*huge, ("small", 0, np.float32(range(10)))])
    with pyBigWig.open(os.fspath(path)) as bigwig:
        for chrom, start, values in huge:
            found = bigwig.values(chrom, start, start + len(values), numpy=True)
            np.testing.assert_array_equal(found, values)
    assert np.isnan(read_values(path, "huge", 2**31 + 20_000, 2**31 + 20_100)).all()
    bigwig = pybigtools.open(os.fspath(path))
    everything = np.concatenate([values for _, _, values in huge])
    records = list(bigwig.records("huge"))
    assert [start for start, _, _ in records] == [
        start + offset for _, start, values in huge for offset in range(len(values))
    ]
    np.testing.assert_array_equal(np.float32([value for _, _, value in records]), everything)
    for reduction in bigwig.zooms():
        zooms = list(bigwig.zoom_records(reduction, "huge"))
        assert zooms[-1][1] == MAX_POSITION
        assert sum(record["bases_covered"] for _, _, record in zooms) == len(everything)


def test_no_data_at_all(tmp_path, readers):
    path = write(tmp_path / "x.bw", {"b": 5, "a": 100_000}, [])
    assert_reads_back(readers, path, {"b": 5, "a": 100_000}, [])
    with pyBigWig.open(os.fspath(path)) as bigwig:
        assert bigwig.isBigWig()
        assert bigwig.intervals("a") is None
        assert bigwig.stats("a") == [None]


def test_reading_an_interval(tmp_path, signal):
    path = write(tmp_path / "x.bw", {"c": 30_000}, [("c", 10, signal[:20_000])])
    found = read_values(path, "c", 5, 25_000)
    np.testing.assert_array_equal(found[5:20_005], signal[:20_000])
    assert np.isnan(found[:5]).all()
    assert np.isnan(found[20_005:]).all()
    assert read_values(path, "c", 5, 5).shape == (0,)
    with pytest.raises(BasewiseError, match="no chrom d"):
        read_values(path, "d", 0, 1)
    with pytest.raises(BasewiseError, match="30000 bp"):
        read_values(path, "c", 0, 30_001)
    with pytest.raises(BasewiseError, match="not a bigWig"):
        read_values(tmp_path / "absent.bw", "c", 0, 1)
