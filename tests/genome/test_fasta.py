"""Getting a genome: what is written for sound input, what is said about every other kind."""

import bz2
import gzip
import hashlib
import json
import logging
import resource

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import fasta, scan
from basewise.genome.fasta import get_genome
from basewise.genome.letters import ALLOWED

GOOD = b">chr1 first\nACGTNacgtn\nRYKMSWBDHV\nryk\n>chr2\nACGT\n\n>tiny\nA\n"
PROTEIN = b">p\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n"


@pytest.fixture
def get(tmp_path):
    """Get a genome out of bytes; returns its text and record."""

    def run(data, name="in.fa", **options):
        (tmp_path / name).write_bytes(data)
        out = tmp_path / "out"
        get_genome(str(tmp_path / name), out / "genome.fa", out / "genome.json", **options)
        return (out / "genome.fa").read_bytes(), json.loads((out / "genome.json").read_text())

    return run


def test_plain_fasta_is_normalised_and_recorded(get, tmp_path):
    long = b"ACGTacgtNN" * 13
    text, record = get(b">a b c\r\n" + long + b"\r\n>b\r\nAC\r\nG")
    assert text == b">a\n%b\n%b\n%b\n>b\nACG\n" % (long[:60], long[60:120], long[120:])
    fetched = record.pop("fetched")
    assert fetched.endswith("+00:00")
    assert record == {
        "source": str(tmp_path / "in.fa"),
        "sha256": hashlib.sha256((tmp_path / "in.fa").read_bytes()).hexdigest(),
        "fasta_sha256": hashlib.sha256(text).hexdigest(),
        "chroms": 2,
        "bp": 133,
        "n_dropped": 0,
        "dropped_bp": 0,
        "chromsizes": {"a": 130, "b": 3},
        "dropped": [],
    }


def test_gzip_of_one_or_several_members_and_bgzip_give_the_same(get, tmp_path):
    plain, _ = get(GOOD)
    assert get(gzip.compress(GOOD, mtime=0), "one.fa.gz")[0] == plain
    assert (
        get(gzip.compress(GOOD[:20], mtime=0) + gzip.compress(GOOD[20:], mtime=0), "two.gz")[0]
        == plain
    )
    (tmp_path / "raw").write_bytes(GOOD)
    pysam.tabix_compress(str(tmp_path / "raw"), str(tmp_path / "packed"))
    assert get((tmp_path / "packed").read_bytes(), "b.fa.gz")[0] == plain


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    width=st.integers(1, 90),
    block=st.integers(1, 100),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    seed=st.integers(0, 99),
)
def test_any_line_width_and_block_size_give_the_same_bases(
    tmp_path_factory, lengths, width, block, newline, seed
):
    folder = tmp_path_factory.mktemp("fasta")
    random = np.random.default_rng(seed)
    letters = np.frombuffer(ALLOWED, dtype=np.uint8)
    records = [(f"c{i}", random.choice(letters, n).tobytes()) for i, n in enumerate(lengths)]

    def text(width, newline):
        return b"".join(
            b">" + name.encode() + newline
            + b"".join(bases[i : i + width] + newline for i in range(0, len(bases), width))
            for name, bases in records
        )  # fmt: skip

    (folder / "in.fa").write_bytes(text(width, newline))
    before, scan.BLOCK_BYTES = scan.BLOCK_BYTES, block
    try:
        get_genome(str(folder / "in.fa"), folder / "out.fa", folder / "out.json", min_contig_bp=50)
    except BasewiseError:
        assert max(lengths) < 50
        return
    finally:
        scan.BLOCK_BYTES = before
    records = [record for record in records if len(record[1]) >= 50]
    written = (folder / "out.fa").read_bytes()
    assert written == text(60, b"\n")
    stored = json.loads((folder / "out.json").read_text())
    assert stored["fasta_sha256"] == hashlib.sha256(written).hexdigest()


BAD = {
    "web page": (b"<!DOCTYPE html>\n<html>", r"is a web page, not FASTA; found '<!DOCTYPE"),
    "empty file": (b"", r"holds no FASTA record"),
    "blank lines": (b"\n\n", r"holds no FASTA record"),
    "text first": (b"\nhello\n>a\nACGT\n", r"line 2: text before the first '>'; found 'hello'"),
    "GTF": (b"chr1\tx\tgene\t1\t2\n", r"line 1: text before the first '>'"),
    "duplicate": (b">a\nAC\n>b\nAC\n>a x\nAC\n", r"line 5: a second record has the name 'a'"),
    "empty record": (b">a\nAC\n>b\n\n>c\nAC\n", r"line 3: record 'b' holds no base"),
    "empty last record": (b">a\nAC\n>b", r"line 3: record 'b' holds no base"),
    "no name": (b">a\nAC\n> b\nAC\n", r"line 3: a FASTA record has no name"),
    "name not ASCII": (b">\xc3\xa9\nAC\n", r"line 1: a record's name is not ASCII"),
    "protein": (PROTEIN, r"record 'p', line 2, position 6 .*'I', this looks like protein"),
    "not ASCII": (
        b">a\nACGT\n>b\nACGT\nAC\xc3\xa9GT\n",
        r"record 'b', line 5, position 7 of the record: .* non-ASCII byte 0xc3",
    ),
    "RNA": (b">a\nACGUACGU\n", r"record 'a', line 2, position 4 .*'U', this looks like RNA"),
    "stop": (b">a\nACGTACGT\nACGT*\n", r"line 3, position 13 of the record: .*found '\*'\."),
    "gap": (b">a\r\nAC\r\nG-T\r\n", r"line 3, position 4 of the record: .*found '-'"),
    "digit": (b">a\nAC1GT\n", r"line 2, position 3 of the record: .*found '1'"),
    "space": (b">a\nACGT \n", r"line 2, position 5 of the record: .*found ' '"),
    "stray header": (b">a\nACGT>b\nAC\n", r"line 2, position 5 of the record: .*found '>'"),
    "one odd letter": (b">a\nACGTACGTJACGT\n", r"position 9 of the record: .*found 'J'\. Only"),
    "bzip2": (bz2.compress(GOOD), r"is not FASTA; found a bzip2 file"),
    "truncated gzip": (gzip.compress(GOOD, mtime=0)[:-10], r"is a truncated or damaged gzip file"),
    "damaged gzip": (
        gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8,
        r"is a truncated or damaged gzip file",
    ),
    "gzip of a web page": (gzip.compress(b"<html>", mtime=0), r"is a web page"),
    "gzip of protein": (gzip.compress(PROTEIN, mtime=0), r"looks like protein"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_clear_line_and_nothing_is_written(get, tmp_path, kind):
    data, pattern = BAD[kind]
    with pytest.raises(BasewiseError, match=pattern) as caught:
        get(data)
    assert str(tmp_path / "in.fa") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_positions_hold_across_blocks(get, monkeypatch):
    monkeypatch.setattr(scan, "BLOCK_BYTES", 7)
    with pytest.raises(BasewiseError, match=r"record 'b', line 6, position 9 of"):
        get(b">a\nACGT\n>b\nACGT\nACGT\n?CGT\n")


def test_missing_file_and_wrong_checksum(get, tmp_path):
    with pytest.raises(BasewiseError, match=r"none\.fa does not exist"):
        get_genome(str(tmp_path / "none.fa"), tmp_path / "o.fa", tmp_path / "o.json")
    good = hashlib.md5(GOOD).hexdigest()
    assert get(GOOD, checksum=f"md5:{good}")[1]["chroms"] == 3
    bad = "0" * 64
    with pytest.raises(BasewiseError, match=rf"in\.fa .*should be {bad}; found {'[0-9a-f]' * 64}"):
        get(GOOD, checksum=f"sha256:{bad}")


def test_filters_and_their_record(get, caplog):
    options = {"include": ["chr*", "t?ny"], "exclude": ["*2", "chrZ"], "min_contig_bp": 2}
    with caplog.at_level(logging.WARNING):
        text, record = get(GOOD, **options)
    assert text == b">chr1\nACGTNacgtnRYKMSWBDHVryk\n"
    assert record["dropped"] == ["chr2", "tiny"]
    assert (record["chroms"], record["bp"], record["n_dropped"], record["dropped_bp"]) == (
        1,
        23,
        2,
        5,
    )
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "the chrom pattern 'chrZ' matches no chrom"
    ]


def test_filters_that_leave_nothing(get):
    with pytest.raises(BasewiseError, match=r"leave no chrom; found 3 chroms: chr1, chr2, tiny"):
        get(GOOD, include=["CHR*"])
    with pytest.raises(BasewiseError, match="min_contig_bp 99 leave no chrom"):
        get(GOOD, min_contig_bp=99)


def test_a_url_is_fetched_and_its_copy_removed(server, tmp_path):
    server.data = gzip.compress(GOOD, mtime=0)
    digest = hashlib.sha256(server.data).hexdigest()
    out = tmp_path / "genome.fa"
    record = get_genome(server.url, out, tmp_path / "genome.json", checksum=f"sha256:{digest}")
    assert (record["source"], record["sha256"]) == (server.url, digest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genome.fa", "genome.json"]
    server.data = gzip.compress(PROTEIN, mtime=0)
    out.unlink()
    with pytest.raises(BasewiseError, match=f"{server.url}, record 'p', .*protein"):
        get_genome(server.url, out, tmp_path / "genome.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genome.json"]


def test_a_limit_on_file_size_is_one_clear_line(get, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    data = b">a\n" + b"ACGT" * 1_000_000
    (tmp_path / "in.fa").write_bytes(data)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(
            BasewiseError, match=r"a\.fa could not be written; found File too large"
        ):
            get_genome(str(tmp_path / "in.fa"), tmp_path / "o" / "a.fa", tmp_path / "o" / "a.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "o").iterdir())


def test_without_isal_too(get, monkeypatch):
    monkeypatch.setattr(fasta, "igzip", gzip)
    assert get(gzip.compress(GOOD, mtime=0))[1]["chroms"] == 3


def test_yeast(shared, tmp_path):
    source = shared / "real" / "yeast" / "genome.fa.gz"
    record = get_genome(str(source), tmp_path / "y.fa", tmp_path / "y.json", exclude=["Mito"])
    assert record["sha256"].startswith("06ce55ba")
    assert record["bp"] == 12_157_105 - record["dropped_bp"]
    assert (record["chroms"], record["dropped_bp"]) == (16, 85_779)
