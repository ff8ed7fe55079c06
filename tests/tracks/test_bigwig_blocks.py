"""Blocks and bins of a bigWig agree with pyBigWig, whoever wrote the file; damage is named."""

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tracks.bigwig.binning import STATISTICS, bin_values
from basewise.tracks.bigwig.blocks import BigWigBlocks
from basewise.tracks.bigwig.writer import BigWigWriter

SIZE = 3_000
FOLDS = {"mean": np.nanmean, "sum": np.nansum, "max": np.nanmax}


def expected_bins(path, chrom, start, end, resolution_bp, statistic) -> np.ndarray:
    """The bins by pyBigWig's values, base by base."""
    with pyBigWig.open(str(path)) as bigwig:
        values = np.array(bigwig.values(chrom, start, end, numpy=True), np.float64)
    bins = [values[i : i + resolution_bp] for i in range(0, len(values), resolution_bp)]
    return np.array(
        [np.nan if np.isnan(bases).all() else FOLDS[statistic](bases) for bases in bins]
    )


def write(path, kind: str, rng) -> None:
    """A bigWig of random runs, in one of the ways that values may be stored."""
    starts = np.unique(rng.integers(0, SIZE // 5, 200)) * 5
    values = rng.normal(0, 3, len(starts)).astype(np.float32).astype(float)
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader([("chr1", SIZE), ("chr2", 700), ("empty", 50)])
        if kind == "runs":
            ends = np.minimum(np.append(starts[1:], SIZE), starts + rng.integers(1, 400))
            bigwig.addEntries(
                ["chr1"] * len(starts), starts.tolist(), ends=ends.tolist(), values=values.tolist()
            )
        elif kind == "spans":
            bigwig.addEntries("chr1", starts.tolist(), values=values.tolist(), span=3)
        else:
            bigwig.addEntries("chr1", 17, values=values.tolist(), span=2, step=4)
        bigwig.addEntries("chr2", 5, values=[1.5] * 600, span=1, step=1)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("kind", ["runs", "spans", "steps"])
def test_bins_are_those_of_the_bases(tmp_path, kind, statistic):
    path = tmp_path / "x.bw"
    write(path, kind, np.random.default_rng(3))
    with BigWigBlocks(path) as bigwig:
        assert bigwig.chromsizes == {"chr1": SIZE, "chr2": 700, "empty": 50}
        for chrom, start, end, width in [
            ("chr1", 0, SIZE, 128),
            ("chr1", 0, SIZE, 1),
            ("chr1", 333, 2_001, 7),
            ("chr1", 500, 500, 9),
            ("chr2", 0, 700, 50),
            ("empty", 0, 50, 20),
        ]:
            found = bin_values(bigwig, chrom, start, end, resolution_bp=width, statistic=statistic)
            wanted = (
                expected_bins(path, chrom, start, end, width, statistic)
                if end > start
                else np.empty(0)
            )
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
        assert np.isnan(
            bin_values(bigwig, "empty", 0, 50, resolution_bp=20, statistic=statistic)
        ).all()


@given(st.integers(0, 2**31), st.integers(1, 400), st.sampled_from(STATISTICS))
def test_any_interval_of_any_file(tmp_path_factory, seed, width, statistic):
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("bins") / "x.bw"
    write(path, str(rng.choice(["runs", "spans", "steps"])), rng)
    start, end = np.sort(rng.integers(0, SIZE + 1, 2)).tolist()
    if start == end:
        return
    with BigWigBlocks(path) as bigwig:
        found = bin_values(bigwig, "chr1", start, end, resolution_bp=width, statistic=statistic)
    wanted = expected_bins(path, "chr1", start, end, width, statistic)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_files_of_other_writers(tmp_path):
    values = np.random.default_rng(5).random(40_000).astype(np.float32)
    with BigWigWriter(tmp_path / "ours.bw", {"chr1": 40_000}) as writer:
        writer.add("chr1", 0, values)
    rows = [("chr1", i, i + 1, float(value)) for i, value in enumerate(values)]
    pybigtools.open(str(tmp_path / "theirs.bw"), "w").write({"chr1": 40_000}, rows)
    for name in ("ours.bw", "theirs.bw"):
        with BigWigBlocks(tmp_path / name) as bigwig:
            found = bin_values(bigwig, "chr1", 100, 40_000, resolution_bp=100)
        np.testing.assert_allclose(
            found, values[100:].astype(float).reshape(-1, 100).mean(1), rtol=1e-6
        )


def test_many_chroms(tmp_path):
    """More than fit in one node of the chrom tree."""
    sizes = {f"contig_{i:05}": 40 + i for i in range(1_500)}
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as bigwig:
        bigwig.addHeader(list(sizes.items()))
        for i, chrom in enumerate(sizes):
            bigwig.addEntries([chrom], [3], ends=[13], values=[float(i)])
    with BigWigBlocks(tmp_path / "x.bw") as bigwig:
        assert bigwig.chromsizes == sizes
        for i in (0, 1, 255, 256, 1_499):
            found = bin_values(bigwig, f"contig_{i:05}", 0, 40, resolution_bp=20)
            np.testing.assert_array_equal(found, [i, np.nan])


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path, cut = tmp_path / "x.bw", tmp_path / "cut.bw"
    with BigWigWriter(path, {"chr1": 200_000}) as writer:
        writer.add("chr1", 0, np.random.default_rng(5).random(200_000).astype(np.float32))
    whole = path.read_bytes()
    for share in (0.0, 0.0001, 0.001, 0.3, 0.6, 0.9):
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BasewiseError, match=r"cut\.bw is not a (whole )?bigWig"):
            BigWigBlocks(cut)


def test_a_block_that_rotted_is_named(tmp_path):
    path = tmp_path / "x.bw"
    with BigWigWriter(path, {"chr1": 200_000}) as writer:
        writer.add("chr1", 0, np.random.default_rng(5).random(200_000).astype(np.float32))
    data = bytearray(path.read_bytes())
    data[10_000:10_400] = b"\xff" * 400
    path.write_bytes(bytes(data))
    with BigWigBlocks(path) as bigwig, pytest.raises(BasewiseError, match=r"x\.bw is damaged"):
        bin_values(bigwig, "chr1", 0, 200_000, resolution_bp=100)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"chr1\t1\t2\n" * 20, "something else"),
        (b"\xeb\xf2\x89\x87" + bytes(80), "a bigBed"),
        (b"\x88\x8f\xfc\x26" + bytes(80), "other byte order"),
        (b"\x26\xfc\x8f\x88" + bytes(80), "its chrom tree"),
    ],
    ids=["text", "bigBed", "big-endian", "zeros"],
)
def test_what_is_no_bigwig(tmp_path, data, words):
    (tmp_path / "x.bw").write_bytes(data)
    with pytest.raises(BasewiseError, match=words):
        BigWigBlocks(tmp_path / "x.bw")


def test_what_cannot_be_asked(tmp_path, make_bigwig):
    path = make_bigwig("x", {"chr1": np.ones(100, np.float32)})
    with pytest.raises(BasewiseError, match="No such file"):
        BigWigBlocks(tmp_path / "y.bw")
    with BigWigBlocks(path) as bigwig:
        with pytest.raises(BasewiseError, match="no chrom chr2"):
            bin_values(bigwig, "chr2", 0, 10, resolution_bp=5)
        with pytest.raises(BasewiseError, match="not within its 100 bp"):
            bin_values(bigwig, "chr1", 0, 101, resolution_bp=5)
        with pytest.raises(BasewiseError, match=r"found 'median'.*mean, sum, max"):
            bin_values(bigwig, "chr1", 0, 100, resolution_bp=5, statistic="median")


def test_infinite_values_are_named(make_bigwig):
    values = np.ones(100, np.float32)
    values[42] = np.inf
    with BigWigBlocks(make_bigwig("x", {"chr1": values})) as bigwig:
        with pytest.raises(BasewiseError, match="chr1:40-50"):
            bin_values(bigwig, "chr1", 0, 100, resolution_bp=10)
        assert bin_values(bigwig, "chr1", 50, 100, resolution_bp=10).tolist() == [1] * 5
