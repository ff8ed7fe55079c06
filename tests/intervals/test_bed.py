"""BED and chromsizes files, packed and indexed ones too."""

import gzip
import logging

import numpy as np
import pysam
import pytest

from basewise.errors import BasewiseError
from basewise.intervals import index_bed, read_bed, read_bed_records, read_chromsizes, write_bed

SIZES = {"chr2": 1000, "chr1": 500}


@pytest.fixture
def bed(tmp_path):
    def write(text, name="x.bed"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_reads_tabs_comments_crlf_and_names_with_spaces(bed):
    path = bed("# note\ntrack name=a b\n\nchr1\t9\t20\tHigh Signal Region\r\nchr1\t0\t5\tLow\n")
    assert list(read_bed_records(path)) == [
        (4, ("chr1", 9, 20, "High Signal Region")),
        (5, ("chr1", 0, 5, "Low")),
    ]
    result = read_bed(path)
    assert result["chr1"].tolist() == [[0, 5], [9, 20]]
    assert result["chr1"].dtype == np.int64


def test_reads_gzip_in_the_order_of_the_chromsizes(bed):
    path = bed(gzip.compress(b"1\t1\t2\nchr2\t3\t4\n", mtime=0), "x.bed.gz")
    result = read_bed(path, SIZES, rename={"1": "chr1"})
    assert list(result) == ["chr2", "chr1"]


def test_unknown_chroms_give_one_warning_that_counts_them(bed, caplog):
    path = bed("chrX\t1\t2\nchrX\t3\t4\nchrY\t1\t2\nchr1\t1\t2\n")
    with caplog.at_level(logging.WARNING):
        assert list(read_bed(path, SIZES)) == ["chr1"]
    assert len(caplog.records) == 1
    assert "2 chroms with 3 intervals left out" in caplog.text


@pytest.mark.parametrize(
    "row", ["chr1\t1", "chr1 1 2", "chr1\tx\t2", "chr1\t5\t2", "chr1\t-1\t2", "\t1\t2"]
)
def test_a_bad_row_names_its_line(bed, row):
    with pytest.raises(BasewiseError, match=r"x\.bed line 2 is not BED"):
        read_bed(bed("chr1\t1\t2\n" + row + "\n"))


def test_an_end_past_its_chrom_names_line_and_length(bed):
    with pytest.raises(BasewiseError, match=r"line 1 .*chr1 \(500 bp\).*end 501"):
        read_bed(bed("chr1\t1\t501\n"), SIZES)


def test_a_missing_file_and_a_truncated_gzip_are_named(bed, tmp_path):
    with pytest.raises(BasewiseError, match=r"none\.bed does not exist"):
        read_bed(tmp_path / "none.bed")
    packed = gzip.compress(b"chr1\t1\t2\n" * 100, mtime=0)
    with pytest.raises(BasewiseError, match="not a whole gzip"):
        read_bed(bed(packed[:-12], "cut.bed.gz"))


@pytest.mark.parametrize("name", ["out.bed", "out.bed.gz"])
def test_write_then_read(tmp_path, name):
    intervals = {"b": np.array([[1, 2], [5, 9]]), "a": np.array([[0, 3]])}
    write_bed(intervals, tmp_path / name)
    result = read_bed(tmp_path / name)
    assert {chrom: rows.tolist() for chrom, rows in result.items()} == {
        "b": [[1, 2], [5, 9]],
        "a": [[0, 3]],
    }
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_nothing(tmp_path):
    def records():
        yield "a", 1, 2
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_bed(records(), tmp_path / "out.bed.gz")
    assert not list(tmp_path.iterdir())


def test_chromsizes(bed):
    assert read_chromsizes(bed("b\t10\t0\t60\na\t5\n")) == {"b": 10, "a": 5}
    for text, match in [
        ("a\tten\n", "line 1 is not a chrom"),
        ("a\t1\na\t1\n", "line 2 repeats a chrom; found 'a'"),
        ("", "names no chrom"),
    ]:
        with pytest.raises(BasewiseError, match=match):
            read_chromsizes(bed(text))


def test_index_answers_queries_and_repeats_byte_for_byte(bed, tmp_path):
    text = bed("#c\ts\te\nb\t1\t5\tx y\nb\t7\t9\tz\na\t0\t3\tw\n")
    index = index_bed(text, tmp_path / "one.bed.gz")
    assert index == tmp_path / "one.bed.gz.tbi"
    with pysam.TabixFile(str(tmp_path / "one.bed.gz")) as tabix:
        assert list(tabix.fetch("b", 6, 8)) == ["b\t7\t9\tz"]
    first = [path.read_bytes() for path in (tmp_path / "one.bed.gz", index)]
    index_bed(text, tmp_path / "one.bed.gz")
    assert first == [path.read_bytes() for path in (tmp_path / "one.bed.gz", index)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one.bed.gz",
        "one.bed.gz.tbi",
        "x.bed",
    ]


def test_index_of_gff3_uses_its_columns(bed, tmp_path):
    text = bed("##gff-version 3\na\ts\tgene\t11\t20\t.\t+\t.\tID=g\n")
    index_bed(text, tmp_path / "x.gff3.gz")
    with pysam.TabixFile(str(tmp_path / "x.gff3.gz")) as tabix:
        assert len(list(tabix.fetch("a", 10, 11))) == 1
        assert not list(tabix.fetch("a", 9, 10))


def test_rows_past_512_mb_get_a_csi(bed, tmp_path):
    far = 600_000_000
    index = index_bed(bed(f"a\t5\t6\na\t{far}\t{far + 9}\n"), tmp_path / "x.bed.gz")
    assert index.suffix == ".csi"
    with pysam.TabixFile(str(tmp_path / "x.bed.gz"), index=str(index)) as tabix:
        assert len(list(tabix.fetch("a", far + 1, far + 2))) == 1


def test_the_index_of_an_older_file_goes(bed, tmp_path):
    out = tmp_path / "x.bed.gz"
    for end, kept, gone in [(9, "tbi", "csi"), (600_000_000, "csi", "tbi"), (9, "tbi", "csi")]:
        index_bed(bed(f"a\t5\t{end}\n"), out)
        assert (tmp_path / f"x.bed.gz.{kept}").exists()
        assert not (tmp_path / f"x.bed.gz.{gone}").exists()


@pytest.mark.parametrize("text", ["a\t5\t6\na\t1\t2\n", "a\t1\t2\nb\t1\t2\na\t3\t4\n"])
def test_unsorted_rows_are_refused_and_leave_nothing(bed, tmp_path, text):
    with pytest.raises(BasewiseError, match=r"line \d is out of order"):
        index_bed(bed(text), tmp_path / "out.bed.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["x.bed"]


def test_index_needs_a_name_that_says_the_format(bed, tmp_path):
    with pytest.raises(BasewiseError, match=r"out\.txt"):
        index_bed(bed("a\t1\t2\n"), tmp_path / "out.txt")


def test_an_empty_file_is_indexed_too(bed, tmp_path):
    index = index_bed(bed(""), tmp_path / "none.bed.gz")
    assert index.exists()
    assert read_bed(tmp_path / "none.bed.gz") == {}
