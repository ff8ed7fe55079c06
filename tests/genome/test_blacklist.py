"""Blacklists: names with spaces, other chrom names, and what bedtools makes of the same rows."""

import gzip
import logging
import shutil

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.genome.blacklist import get_blacklist
from basewise.intervals import merge, read_bed, subtract

needs_bedtools = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="bedtools is not installed"
)

ENCODE = (
    "chr10\t0\t45700\tLow Mappability\n"
    "chr2\t500\t900\tHigh Signal Region\n"
    "chr2\t900\t1000\tLow Mappability\n"
    "chr2\t100\t200\tHigh Signal Region\n"
    "chr2\t600\t700\tHigh Signal Region\n"
)


@pytest.fixture
def get(tmp_path):
    (tmp_path / "sizes").write_text("chr2\t5000\nchr10\t50000\nchr1\t10\n")

    def run(text, **options):
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / "source.bed").write_bytes(data)
        output = tmp_path / "out" / "blacklist.bed"
        get_blacklist(str(tmp_path / "source.bed"), output, tmp_path / "sizes", **options)
        return output.read_text()

    return run


@needs_bedtools
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode(), mtime=0)])
def test_encode_rows_are_sorted_and_merged_with_their_names(get, pack):
    assert get(pack(ENCODE)) == (
        "chr2\t100\t200\tHigh Signal Region\n"
        "chr2\t500\t1000\tHigh Signal Region,Low Mappability\n"
        "chr10\t0\t45700\tLow Mappability\n"
    )


@needs_bedtools
def test_bed3_and_aliases(get, tmp_path):
    (tmp_path / "alias").write_text("chr1\tNC_1\n")
    text = get("2\t1\t5\nNC_1\t0\t10\t \n", aliases=tmp_path / "alias")
    assert text == "chr2\t1\t5\tblacklist\nchr1\t0\t10\tblacklist\n"


@needs_bedtools
def test_chroms_that_the_genome_lacks_are_counted_once(get, caplog):
    with caplog.at_level(logging.WARNING):
        text = get("chrY\t1\t2\tx\nchr2\t1\t2\tx\nchrY\t3\t4\tx\nchrUn\t3\t4\tx\n")
    assert text == "chr2\t1\t2\tx\n"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "2 chroms with 3 intervals left out" in caplog.text


def test_without_bedtools_one_line_asks_for_it(get, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BasewiseError, match=r"needs bedtools.* Install it"):
        get(ENCODE)
    assert not (tmp_path / "out").exists()
    assert get("chrUn\t0\t5\tx\n") == ""  # named as ours are: it need not have rows on them


def test_a_blacklist_of_other_names_is_refused(get, tmp_path):
    other = "".join(f"NC_00000{i}.11\t0\t5\tx\n" for i in range(1, 6))
    with pytest.raises(BasewiseError) as caught:
        get(other)
    for words in ("source.bed names no chrom of the genome", "NC_000003.11, …", "chr10", "aliases"):
        assert words in str(caught.value)
    assert not (tmp_path / "out" / "blacklist.bed").exists()
    assert get(other, dropped=["NC_000002.11", "NW_1"]) == ""  # of chroms that filters kept out
    assert get("1\t0\t0\tx\n") == "" == get("# nothing\n")


def test_no_blacklist_is_an_empty_one(tmp_path):
    get_blacklist("", tmp_path / "b.bed", tmp_path / "not read")
    assert (tmp_path / "b.bed").read_text() == ""


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("chr2\t1\t5001\tx\n", r"source\.bed line 1 reaches past the end of chr2 \(5000 bp\)"),
        ("chr2\t1\t2\n<p>\n", r"source\.bed line 2 is not BED; found '<p>'"),
        (gzip.compress(ENCODE.encode(), mtime=0)[:-9], "not a whole gzip file"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(get, tmp_path, text, match):
    with pytest.raises(BasewiseError, match=match):
        get(text)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@needs_bedtools
def test_a_url_with_a_checksum(server, tmp_path):
    server.data, output = ENCODE.encode(), tmp_path / "b.bed"
    (tmp_path / "sizes").write_text("chr10\t50000\n")
    with pytest.raises(BasewiseError, match="not the expected file"):
        get_blacklist(
            server.url, tmp_path / "b.bed", tmp_path / "sizes", checksum="md5:" + "0" * 32
        )
    get_blacklist(server.url, tmp_path / "b.bed", tmp_path / "sizes")
    assert output.read_text() == "chr10\t0\t45700\tLow Mappability\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.bed", "sizes"]


@needs_bedtools
def test_merging_and_subtracting_equal_our_own(get, tmp_path):
    import pybedtools

    random = np.random.default_rng(3)

    def rows(n, name):
        starts = random.integers(0, 4900, n)
        return "".join(
            f"chr2\t{start}\t{start + length}\t{name} {i}\n"
            for i, (start, length) in enumerate(
                zip(starts.tolist(), random.integers(1, 100, n).tolist(), strict=True)
            )
        )

    calls_text, blacklist_text = rows(60, "call"), rows(20, "High Signal")
    get(blacklist_text)
    (tmp_path / "calls.bed").write_text(calls_text)
    blacklist = read_bed(tmp_path / "out" / "blacklist.bed")
    calls = read_bed(tmp_path / "calls.bed")
    try:
        their_blacklist = pybedtools.BedTool(blacklist_text, from_string=True).sort().merge()
        unmerged = read_bed(tmp_path / "source.bed")["chr2"]
        assert merge(unmerged).tolist() == blacklist["chr2"].tolist()
        theirs = pybedtools.BedTool(calls_text, from_string=True).sort().merge()
        theirs = [[row.start, row.end] for row in theirs.subtract(their_blacklist)]
        assert subtract(calls["chr2"], blacklist["chr2"]).tolist() == theirs
    finally:
        pybedtools.cleanup()
