"""Reading peak files: packings, line ends, broken rows with their lines, layouts, big and small."""

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import bgzip_writer, blocks, read_chromsizes
from basewise.peaks import Catalogue, PeakColumns, read_catalogue
from basewise.peaks import catalogue as catalogue_module

ROW = "chr1\t100\t200\tGSE1.CTCF.K562\t3.5\t.\t150\t151\t0,0,0\n"
ROWS = (
    "chr1\t100\t200\tGSE1.CTCF.K562\t3.5\t.\t150\t151\t0,0,0\n"
    "chr2\t0\t60\tGSE2.ESR1_S118ph.MCF-7_E2\t1e2\t+\t0\t1\t0,0,0\n"
    "chr1\t50\t90\tGSE1.CTCF.K562\t.\t-\t89\t90\t0,0,0\n"
)
FRAME = pd.DataFrame(
    {
        "chrom": ["chr1", "chr2", "chr1"],
        "start": np.array([100, 0, 50], np.int32),
        "end": np.array([200, 60, 90], np.int32),
        "summit": np.array([150, 0, 89], np.int32),
        "score": np.array([3.5, 100, 0], np.float32),
        "experiment": ["GSE1", "GSE2", "GSE1"],
        "target": ["CTCF", "ESR1_S118ph", "CTCF"],
        "biotype": ["K562", "MCF-7_E2", "K562"],
        "modification": ["", "S118ph,E2", ""],
    }
)


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(path, **options):
    return read_catalogue(path, **options)


def check(found, expected=FRAME):
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_plain_gzip_and_bgzip_read_alike(tmp_path):
    check(read(write(tmp_path / "a.bed", ROWS)))
    check(read(write(tmp_path / "b.bed", gzip.compress(ROWS.encode()))))
    halves = [gzip.compress(ROWS[:70].encode()), gzip.compress(ROWS[70:].encode())]
    check(read(write(tmp_path / "members.gz", b"".join(halves))))
    with bgzip_writer(tmp_path / "c.bed.gz") as stream:
        stream.write(ROWS.encode())
    check(read(tmp_path / "c.bed.gz"))


def test_line_ends_comments_and_track_lines(tmp_path):
    head = "# a comment\n\ntrack name=ReMap\nbrowser position chr1\n"
    check(read(write(tmp_path / "a.bed", head + ROWS)))
    check(read(write(tmp_path / "crlf.bed", (head + ROWS).replace("\n", "\r\n"))))
    check(read(write(tmp_path / "tail.bed", ROWS.rstrip("\n"))))
    chroms = read(write(tmp_path / "t.bed", ROWS.replace("chr1", "tchr").replace("chr2", "bchr")))
    assert set(chroms["chrom"]) == {"tchr", "bchr"}


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 22])
def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    text = "# comment\n" + ROWS.replace("chr2\t0\t60", "chr2\tx\t60") * 3
    catalogue = Catalogue(
        write(tmp_path / "a.bed.gz", gzip.compress(text.encode())), max_malformed=1
    )
    rows = np.concatenate(list(catalogue.batches()))
    assert rows["line"].tolist() == [2, 4, 5, 7, 8, 10]
    assert [line for line, *_ in catalogue.malformed.first] == [3, 6, 9]
    assert catalogue.n_rows == 9


BROKEN = {
    "chr1\t100\t200\tGSE1.CTCF.K562\n": "another number of columns",
    "chr1\t100\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\tmore\n": "another number of columns",
    "\t100\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "another number of columns",
    "chr1\tx\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "no whole number",
    "chr1\t1.5\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "no whole number",
    "chr1\t\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "no whole number",
    "chr1\t-5\t200\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "below 0",
    "chr1\t5\t3000000000\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "past 2\\^31",
    "chr1\t5\t99999999999999999999\tGSE1.CTCF.K562\t3\t.\t150\t151\t0\n": "past 2\\^31",
    "chr1\t200\t200\tGSE1.CTCF.K562\t3\t.\t200\t201\t0\n": "start that is not below its end",
    "chr1\t300\t200\tGSE1.CTCF.K562\t3\t.\t250\t251\t0\n": "start that is not below its end",
    "chr1\t100\t200\tGSE1.CTCF.K562\t3\t.\t200\t201\t0\n": "summit outside",
    "chr1\t100\t200\tGSE1.CTCF.K562\thigh\t.\t150\t151\t0\n": "score that is no number",
    "chr1\t100\t200\tGSE1.CTCF.K562\t\t.\t150\t151\t0\n": "score that is no number",
    "chr1\t100\t200\tCTCF\t3\t.\t150\t151\t0\n": "name that does not fit",
}


@pytest.mark.parametrize("row", BROKEN)
def test_broken_rows_are_counted_and_their_lines_named(tmp_path, row, caplog):
    path = write(tmp_path / "a.bed", ROWS + row + ROW * 7)
    with pytest.raises(BasewiseError, match=rf"1 of 11 rows are broken.*{BROKEN[row]}.*line 4"):
        read(path, max_malformed=0)
    frame = read(path)
    assert len(frame) == 10
    assert "1 of 11 rows left out" in caplog.text


def test_one_broken_row_is_forgiven_and_two_only_by_their_share(tmp_path):
    header = "chrom\tstart\tend\tname\tscore\tstrand\tthickStart\tthickEnd\titemRgb\n"
    assert len(read(write(tmp_path / "one.bed", header + ROW))) == 1
    two = write(tmp_path / "two.bed", header + ROW * 98 + header)
    with pytest.raises(BasewiseError, match=r"2 of 100 rows are broken \(2\.000%.*0\.100%"):
        read(two)
    with pytest.raises(BasewiseError, match="2 of 100 rows"):
        read(two, max_malformed=0.019)
    assert len(read(two, max_malformed=0.02)) == 98
    with pytest.raises(BasewiseError, match="1 of 1 rows are broken"):
        read(write(tmp_path / "none.bed", header))


def test_a_file_of_another_layout_ends_at_once(tmp_path):
    path = write(tmp_path / "nr.bed", ROW.replace("GSE1.CTCF.K562", "CTCF:K562") * 100)
    with pytest.raises(BasewiseError, match=r"100 of 100 rows are broken.*does not fit the layout"):
        read(path)
    with pytest.raises(BasewiseError, match=r"too few tab-separated columns.*1, not 4"):
        read(write(tmp_path / "spaces.bed", ROWS.replace("\t", " ")))


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "track name=x\n"])
def test_empty_files(tmp_path, content):
    with pytest.raises(BasewiseError, match="holds no peak"):
        read(write(tmp_path / "a.bed", content))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(BasewiseError, match=r"none\.bed does not exist"):
        read(tmp_path / "none.bed")
    packed = gzip.compress((ROW * 5000).encode())
    with pytest.raises(BasewiseError, match="is not a whole gzip file"):
        read(write(tmp_path / "cut.bed.gz", packed[: len(packed) // 2]))
    with pytest.raises(BasewiseError, match="is not a whole gzip file"):
        read(write(tmp_path / "bad.bed.gz", packed[:60] + b"\xff" * 40 + packed[100:]))
    with pytest.raises(BasewiseError, match=r"cannot be read; found Is a directory"):
        read(tmp_path)


def test_nr_and_crm_rows_become_a_peak_per_scope(tmp_path):
    nr = write(tmp_path / "nr.bed", ROW.replace("GSE1.CTCF.K562", "CTCF:K562,MCF-7_E2"))
    frame = read(nr, columns=PeakColumns("nr"))
    assert frame["biotype"].tolist() == ["K562", "MCF-7_E2"]
    assert frame["target"].tolist() == ["CTCF", "CTCF"]
    assert frame["start"].tolist() == [100, 100]
    crm = write(tmp_path / "crm.bed", ROW.replace("GSE1.CTCF.K562", "CTCF,SOX2,MYC"))
    assert read(crm, columns=PeakColumns("crm"))["target"].tolist() == ["CTCF", "SOX2", "MYC"]


def test_bed4_has_its_summit_in_the_middle_and_no_score(tmp_path):
    frame = read(write(tmp_path / "a.bed", "chr1\t100\t201\tGSE1.CTCF.K562\n"))
    assert frame[["summit", "score"]].values.tolist() == [[150, 0]]


def test_plain_bed_with_named_columns(tmp_path):
    path = write(
        tmp_path / "a.bed", "chr1\t10\t30\tK562\tpeak_1\t7\tCTCF\nchr1\t5\t9\tHeLa\tp\t8\tMYC\n"
    )
    columns = PeakColumns(
        "bed", ["chrom", "start", "end", "biotype", "-", "score", "target"], {"experiment": "mine"}
    )
    frame = read(path, columns=columns)
    assert frame["experiment"].tolist() == ["mine", "mine"]
    assert frame["target"].tolist() == ["CTCF", "MYC"]
    assert frame["biotype"].tolist() == ["K562", "HeLa"]
    assert frame["score"].tolist() == [7, 8]


def test_narrow_peaks(tmp_path):
    row = "chr1\t100\t200\tpeak\t0\t.\t7.5\t3\t2\t{}\n"
    path = write(tmp_path / "a.narrowPeak", row.format(20) + row.format(-1))
    names = ["chrom", "start", "end", "-", "-", "-", "score", "-", "-", "summit_offset"]
    columns = PeakColumns("bed", names, {"target": "CTCF", "biotype": "K562"})
    frame = read(path, columns=columns)
    assert frame["summit"].tolist() == [120, 150]
    assert frame["score"].tolist() == [7.5, 7.5]
    with pytest.raises(BasewiseError, match="summit outside"):
        read(write(tmp_path / "b", row.format(100)), columns=columns)
    turned = PeakColumns("bed", ["summit_offset", "chrom", "start", "end", "target"])
    frame = read(write(tmp_path / "c", "20\tchr1\t100\t200\tCTCF\n"), columns=turned)
    assert frame["summit"].tolist() == [120]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bed", ["chrom", "start", "end"]), "no 'target'"),
        (("bed", ["chrom", "start", "end", "tarrget"]), "Did you mean 'target'"),
        (("bed", ["chrom", "start", "end", "target", "target"]), "bear one name"),
        (("bed", ["chrom", "start", "end", "target"], {"target": "x"}), "no column holds"),
        (("all", ["chrom"]), "layout 'all' are known"),
        (("al",), "Did you mean 'all'"),
        (("bed", ["chrom", "start", "end", "target", "summit", "summit_offset"]), "not both"),
    ],
)
def test_columns_that_cannot_be(arguments, message):
    with pytest.raises(BasewiseError, match=message):
        PeakColumns(*arguments)


def test_names_beyond_number_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue_module, "MOST_NAMES", 50)
    rows = "".join(ROW.replace("K562", f"peak_{i}") for i in range(60))
    with pytest.raises(BasewiseError, match="more than 50 distinct names"):
        read(write(tmp_path / "a.bed", rows))


SCORES = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.floats(-1e30, 1e30, allow_subnormal=False).map(repr),
    st.decimals(-1000, 1000, places=4).map(str),
)


@given(st.lists(SCORES, min_size=1, max_size=20))
def test_scores_are_read_as_python_reads_them(tmp_path_factory, scores):
    rows = "".join(ROW.replace("3.5", score) for score in scores)
    path = write(tmp_path_factory.mktemp("scores") / "a.bed", rows)
    found = read(path)["score"].to_numpy()
    np.testing.assert_allclose(found, [np.float32(score) for score in scores], rtol=2e-7)


PEAKS = st.tuples(
    st.sampled_from(["chr1", "chrX", "2", "scaffold_100"]),
    st.integers(0, 2**31 - 200),
    st.integers(1, 100),
    st.integers(0, 10**6),
)


@given(st.lists(PEAKS, min_size=1, max_size=60))
def test_any_rows_are_read_as_pandas_reads_them(tmp_path_factory, peaks):
    path = tmp_path_factory.mktemp("rows") / "a.bed"
    rows = [
        (
            *(chrom, start, start + width, f"E{start % 7}.T{width % 5}.b.{width % 3}", score),
            *(".", start + width // 2, start + width // 2 + 1, "0,0,0"),
        )
        for chrom, start, width, score in peaks
    ]
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    frame = read(path)
    table = pd.read_csv(path, sep="\t", header=None)
    parts = table[3].str.split(".", n=2, expand=True)
    for name, column in (("chrom", table[0].astype(str)), ("start", table[1]), ("end", table[2])):
        assert frame[name].tolist() == column.tolist()
    assert frame["summit"].tolist() == table[6].tolist()
    assert frame[["experiment", "target", "biotype"]].values.tolist() == parts.values.tolist()


def test_the_generator_of_benchmarks_gives_what_it_says(tmp_path):
    root = Path(__file__).parents[2]
    for name in ("a.bed.gz", "b.bed.gz"):
        generator = [sys.executable, root / "benchmarks" / "remap_like.py", "--seed", "3"]
        command = [*generator, "--rows", "20_000", "--out", tmp_path / name]
        subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "a.bed.gz").read_bytes() == (tmp_path / "b.bed.gz").read_bytes()
    frame = read(tmp_path / "a.bed.gz", max_malformed=0)
    sizes = read_chromsizes(root / "resources" / "chromsizes" / "hg38.tsv")
    assert len(frame) == 20_000
    assert (frame["end"] <= frame["chrom"].map(sizes)).all()
    assert (
        frame.groupby("chrom", sort=False)["start"].agg(lambda s: s.is_monotonic_increasing).all()
    )
    largest = frame.groupby(["experiment", "target", "biotype"]).size().max()
    assert largest > 50 * 20_000 / 8_103
    assert frame["biotype"].str.contains(".", regex=False).any()
    assert frame["modification"].ne("").mean() > 0.05


def test_yeast_is_read_as_pandas_reads_it(shared):
    path = shared / "real" / "yeast" / "remap_like_peaks.bed.gz"
    frame = read(path)
    table = pd.read_csv(path, sep="\t", header=None)
    assert len(frame) == 171_607
    for name, column in {"chrom": 0, "start": 1, "end": 2, "score": 4, "summit": 6}.items():
        assert (frame[name].to_numpy() == table[column].to_numpy()).all()
    joined = frame["experiment"] + "." + frame["target"] + "." + frame["biotype"]
    assert (joined.to_numpy() == table[3].to_numpy()).all()
