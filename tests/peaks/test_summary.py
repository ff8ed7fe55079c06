"""The tables about peaks agree with counting them one by one; the figure draws them."""

import numpy as np
import pandas as pd
import pytest

from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome
from basewise.peaks import write_store
from basewise.peaks.summary import PEAK, summarise_peaks

SIZES = {"chr1": 4_000, "chr2": 900, "short": 60}
WIDTH = 100


@pytest.fixture
def genome() -> MemoryGenome:
    rng = np.random.default_rng(7)
    letters = np.frombuffer(b"ACGTGGCN", np.uint8)
    bases = {chrom: rng.choice(letters, size) for chrom, size in SIZES.items()}
    bases["chr1"][1_000:1_300] = ord("N")
    return MemoryGenome(bases)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 400
    chrom = rng.choice(["chr1", "chr2", "short"], n, p=[0.7, 0.28, 0.02])
    sizes = np.array([SIZES[c] for c in chrom])
    width = np.minimum(rng.integers(1, 120, n), sizes)
    start = (rng.random(n) * (sizes - width)).astype(int)
    return pd.DataFrame(
        {
            "chrom": chrom,
            "start": start,
            "end": start + width,
            "summit": start + width // 3,
            "experiment": rng.choice(["E1", "E2", "E3"], n),
            "target": rng.choice(["CTCF", "SOX2"], n),
            "biotype": rng.choice(["K562", "HepG2"], n),
        }
    )


def write_negatives(path, starts: dict[str, list[int]], width: int = WIDTH):
    rows = [(chrom, start, start + width) for chrom, some in starts.items() for start in some]
    pd.DataFrame(rows, columns=["chrom", "start", "end"]).to_parquet(path)
    return path


def gc_of(genome, chrom, start, end) -> float:
    bases = genome.read(chrom, start, end)
    known = np.isin(bases, list(b"ACGT")).sum()
    return np.isin(bases, list(b"GC")).sum() / known if known else np.nan


@pytest.fixture
def run(tmp_path, frame, genome):
    """The two tables of the frame's peaks, and of negatives if any are given."""

    def run(negatives=None, **changes):
        store = write_store([frame], tmp_path / "store", chromsizes=SIZES)
        names = ("summary.tsv", "distributions.tsv")
        paths = dict(
            zip(("summary_tsv", "distributions_tsv"), map(tmp_path.joinpath, names), strict=True)
        )
        settings = {"width_bp": WIDTH} | changes
        tables = summarise_peaks(store, negatives or {}, genome, **paths, **settings)
        for table, path in zip(tables, paths.values(), strict=True):
            written = pd.read_csv(path, sep="\t")
            pd.testing.assert_frame_equal(written, table, check_dtype=False, rtol=1e-4)
        return tables

    return run


def test_every_number_is_that_of_counting(run, frame, genome):
    blacklist = {"chr1": np.array([[500, 900], [880, 1_500]]), "chr2": np.array([[0, 1]])}
    summary, _ = run(blacklist=blacklist)
    assert len(summary) == 4
    for row in summary.itertuples():
        own = frame[(frame.target == row.target) & (frame.biotype == row.biotype)]
        assert row.n_peaks == len(own)
        assert row.n_experiments == own.experiment.nunique()
        bases = {(p.chrom, base) for p in own.itertuples() for base in range(p.start, p.end)}
        assert row.covered_bp == len(bases)
        hit = [
            any(p.start < high and low < p.end for low, high in blacklist.get(p.chrom, []))
            for p in own.itertuples()
        ]
        assert row.n_blacklisted == sum(hit)
        widths = (own.end - own.start).to_numpy()
        for share, found in ((0.05, row.width_p05), (0.5, row.width_median), (0.95, row.width_p95)):
            assert found == np.quantile(widths, share, method="inverted_cdf")
        shares = [
            gc_of(genome, p.chrom, start, start + WIDTH)
            for p in own.itertuples()
            if p.chrom != "short"
            for start in [min(max(p.summit - WIDTH // 2, 0), SIZES[p.chrom] - WIDTH)]
        ]
        assert row.gc_mean == pytest.approx(np.nanmean(shares))
    assert summary.n_blacklisted.sum() > 0


def test_histograms(run, frame, genome, tmp_path):
    starts = {"chr1": [1_050, 5, 3_900], "chr2": [800, 0]}
    negatives = {"random": write_negatives(tmp_path / "random.parquet", starts)}
    negatives["hard"] = write_negatives(tmp_path / "hard.parquet", {})
    _, table = run(negatives)
    widths = table[table.quantity == "width_bp"]
    assert widths.n.sum() == len(frame)
    for row in widths.itertuples():
        width = frame.end - frame.start
        assert row.n == ((width >= row.low) & (width < row.high)).sum()
    gc = table[table.quantity == "gc"]
    assert list(dict.fromkeys(gc.kind)) == [PEAK, "random", "hard"]
    sums = gc.groupby("kind").n.sum()
    assert sums["hard"] == 0
    assert sums["random"] == 4  # one lies in N
    shares = [gc_of(genome, c, s, s + WIDTH) for c, some in starts.items() for s in some]
    found = gc[gc.kind == "random"]
    expected = np.histogram([s for s in shares if s == s], np.append(found.low, 1))[0]
    np.testing.assert_array_equal(found.n, expected)


def test_a_histogram_holds_the_ends(tmp_path):
    genome = MemoryGenome({"chr1": "G" * 50 + "A" * 50})
    frame = pd.DataFrame(
        {"chrom": "chr1", "start": [0, 90], "end": [10, 100], "experiment": "E"}
        | {"target": "T", "biotype": "B"}
    )
    store = write_store([frame], tmp_path / "store", chromsizes=genome.chromsizes)
    paths = {"summary_tsv": tmp_path / "s.tsv", "distributions_tsv": tmp_path / "d.tsv"}
    summary, table = summarise_peaks(store, {}, genome, width_bp=10, **paths)
    gc = table[table.quantity == "gc"]
    assert (gc.n.iloc[0], gc.n.iloc[-1], gc.n.sum()) == (1, 1, 2)
    assert summary.gc_mean.tolist() == [0.5]


def test_negatives_of_another_width_or_place(run, tmp_path):
    narrow = write_negatives(tmp_path / "x.parquet", {"chr1": [3]}, width=90)
    with pytest.raises(BasewiseError, match=r"x\.parquet holds windows of another width; found 90"):
        run({"random": narrow})
    foreign = write_negatives(tmp_path / "x.parquet", {"chr9": [3]})
    with pytest.raises(BasewiseError, match="the genome lacks chrom chr9"):
        run({"random": foreign})


def test_the_figure_is_drawn(run, tmp_path):
    from basewise.report.peaks_figure import plot_peaks

    run({"random": write_negatives(tmp_path / "random.parquet", {"chr1": [3, 500]})})
    funnel = tmp_path / "funnel.tsv"
    funnel.write_text("step\tremoved\tleft\twhat\nrows\t0\t420\tx\nnames\t-20\t440\tx\n"
                      "blacklist\t40\t400\tx\n")  # fmt: skip
    tables = (funnel, tmp_path / "summary.tsv", tmp_path / "distributions.tsv")
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        plot_peaks(*tables, tmp_path / f"peaks{suffix}")
        first = (tmp_path / f"peaks{suffix}").read_bytes()
        assert first.startswith(magic)
        plot_peaks(*tables, tmp_path / f"peaks{suffix}")
        assert (tmp_path / f"peaks{suffix}").read_bytes() == first
    text = (tmp_path / "peaks.svg").read_text()
    for words in ("420", "440  (+20)", "400  (-40)", "2 targets", "random, 2", "Width (bp)"):
        assert f"<!-- {words}" in text, words


def test_a_figure_needs_its_tables(run, tmp_path):
    from basewise.report.peaks_figure import plot_peaks

    run()
    (tmp_path / "funnel.tsv").write_text("step\tleft\n")
    tables = (tmp_path / "summary.tsv", tmp_path / "distributions.tsv", tmp_path / "peaks.png")
    with pytest.raises(BasewiseError, match=r"none\.tsv cannot be read"):
        plot_peaks(tmp_path / "none.tsv", *tables)
    with pytest.raises(BasewiseError, match=r"funnel\.tsv lacks column 'removed'"):
        plot_peaks(tmp_path / "funnel.tsv", *tables)
    with pytest.raises(BasewiseError, match=r"peaks\.gif is no figure"):
        plot_peaks(tmp_path / "funnel.tsv", *tables[:2], tmp_path / "peaks.gif")
    assert not (tmp_path / "peaks.png").exists()
