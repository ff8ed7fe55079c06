"""Reading bases: against pyfaidx, at the edges, and with indexes that do not fit."""

import errno
import gzip
import os
import pickle
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyfaidx
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise import atomic
from basewise.errors import BasewiseError
from basewise.genome.letters import ALLOWED
from basewise.genome.sequence import Genome, reverse_complement


@pytest.fixture
def open_genome(tmp_path):
    def write(text, name="g.fa"):
        path = tmp_path / name
        path.write_bytes(text)
        return Genome(path)

    return write


def as_bytes(bases):
    assert bases.dtype == np.uint8
    return bases.tobytes()


@given(
    lengths=st.lists(st.integers(1, 130), min_size=1, max_size=4),
    width=st.integers(1, 70),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    tail=st.sampled_from([b"", b"\n", b"\n\n"]),
    seed=st.integers(0, 99),
)
def test_reads_equal_pyfaidx(tmp_path_factory, lengths, width, newline, tail, seed):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    random = np.random.default_rng(seed)
    letters = np.frombuffer(ALLOWED, dtype=np.uint8)
    lines = []
    for i, length in enumerate(lengths):
        bases = random.choice(letters, length).tobytes()
        lines += [b">c%d note" % i, *(bases[j : j + width] for j in range(0, length, width))]
    path.write_bytes(newline.join(lines) + tail)
    with Genome(path) as genome:
        # pyfaidx reads our index: it is newer than the FASTA
        truth = pyfaidx.Fasta(str(path), as_raw=True, rebuild=False)
        assert genome.chromsizes == {name: len(truth[name]) for name in truth.keys()}  # noqa: SIM118
        for name, size in genome.chromsizes.items():
            start, end = sorted(random.integers(0, size + 1, 2).tolist())
            expected = truth[name][start:end] if end > start else ""
            upper = "".join(c if c in "ACGT" else "N" for c in expected.upper())
            assert as_bytes(genome.read(name, start, end)) == upper.encode()
            mask = genome.soft_mask(name, start, end)
            assert mask.dtype == bool
            assert mask.tolist() == [c.islower() for c in expected]
        truth.close()


def test_the_index_equals_pyfaidx(open_genome, tmp_path):
    text = b">a x\nACGT\nAC\n>b\nAC\n>c y\nACGTACGT\nACGTACGT\n"
    open_genome(text)
    ours = (tmp_path / "g.fa.fai").read_text()
    (tmp_path / "g.fa.fai").unlink()
    pyfaidx.Faidx(str(tmp_path / "g.fa")).close()
    assert (tmp_path / "g.fa.fai").read_text() == ours


def test_reads_are_upper_case_with_n_for_iupac_and_belong_to_the_caller(open_genome):
    genome = open_genome(b">a\nACgtn\nRyKmN\nAC\n")
    bases = genome.read("a", 0, 12)
    assert as_bytes(bases) == b"ACGTNNNNNNAC"
    bases[:] = 0
    assert as_bytes(genome.read("a", 1, 4)) == b"CGT"
    assert genome.read("a", 5, 5).shape == (0,)


def test_padding_outside_the_chrom(open_genome):
    genome = open_genome(b">a\nACG\nT\n")
    assert as_bytes(genome.read_padded("a", -2, 6)) == b"NNACGTNN"
    assert as_bytes(genome.read_padded("a", 2, 4)) == b"GT"
    assert as_bytes(genome.read_padded("a", 9, 11)) == b"NN"
    assert as_bytes(genome.read_padded("a", -5, -3)) == b"NN"


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 5), (3, 2), (5, 6)])
def test_reading_past_a_chrom_is_refused(open_genome, start, end):
    with pytest.raises(BasewiseError, match=rf"a has 4 bp; found a:{start}-{end}"):
        open_genome(b">a\nACGT\n").read("a", start, end)


def test_an_unknown_chrom_is_named_with_those_there_are(open_genome):
    with pytest.raises(BasewiseError, match=r"no chrom 'chr1'; found a, b"):
        open_genome(b">a\nACGT\n>b\nA\n").read("chr1", 0, 1)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b">a\nACG\nT-G\n", r"g\.fa, record 'a', position 5 of the record: .*found '-'"),
        (b">a\nACG\nT\xe9G\n", r"position 5 of the record: .*non-ASCII byte 0xe9"),
        (b">a\nMKE\nLLV\n", r"position 3 of the record: .*looks like protein"),
        (b">a\nACG\nT G\n", r"position 5 of the record"),
    ],
)
def test_a_letter_that_is_no_base_is_named(open_genome, text, match):
    with pytest.raises(BasewiseError, match=match):
        open_genome(text).read("a", 1, 6)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "is empty"),
        (b"ACGT\n", "does not start with '>'"),
        (b">a\nACGT\n>b\n>c\nA\n", "record 'b' holds no base"),
        (b">a\nACGT\n>b", "record 'b' holds no base"),
        (b">a\nA\n>a\nA\n", "two records have the name 'a'"),
        (b">\nA\n", "record at byte 0 has no name"),
        (b">a\nACG\nACGT\n", "lines of record 'a' differ in width"),
        (b">a\nACGT\nAC\nACGT\n", "lines of record 'a' differ in width"),
        (b">a\nACGT\n\nACGT\n", "lines of record 'a' differ in width"),
        (b">a\n\nACGT\n", "lines of record 'a' differ in width"),
        (gzip.compress(b">a\nACGT\n", mtime=0), "is packed by gzip.* pack it with bgzip"),
    ],
)
def test_files_that_cannot_be_indexed(open_genome, tmp_path, text, match):
    with pytest.raises(BasewiseError, match=match):
        open_genome(text)
    assert [path.name for path in tmp_path.iterdir()] == ["g.fa"]


def test_a_missing_file(tmp_path):
    with pytest.raises(BasewiseError, match="does not exist"):
        Genome(tmp_path / "none.fa")


@pytest.mark.parametrize(
    "text",
    [
        b">a\nACG\nTAC\n>b\nACGT\n",  # same size and headers, other lines
        b">a\nA\n>b\nAC\nGT\n",
        b">b\nACGTAC\n",
        b">a\nACGT\nAC\n>bb\nACG\n>b\nACGT\n",
    ],
)
def test_an_index_that_does_not_fit_is_made_anew(open_genome, text):
    open_genome(b">a\nACGT\nAC\n>b\nACGT\n")
    assert as_bytes(open_genome(text).read("b", 0, 4)) == b"ACGT"


def test_an_index_of_fewer_records_is_made_anew(open_genome, tmp_path):
    open_genome(b">a\nACGT\n")
    assert open_genome(b">a\nACGT\n>b\nAC\n").chromsizes == {"a": 4, "b": 2}
    index = tmp_path / "g.fa.fai"
    lines = index.read_text().splitlines(keepends=True)
    for cut in (lines[:1], lines[1:]):
        index.write_text("".join(cut))
        assert open_genome(b">a\nACGT\n>b\nAC\n").chromsizes == {"a": 4, "b": 2}


def identify(path) -> tuple[int, ...]:
    """What tells a file from one written anew; when it was last read does not count."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@pytest.mark.parametrize(
    "text", [b">a\nACGT\n\n\n>b\nAC\n\n", b">a\r\nACGT\r\n>b\r\nAC", b">a\nACG"]
)
def test_line_ends_after_records_are_no_other_records(open_genome, text, tmp_path):
    open_genome(text)
    before = identify(tmp_path / "g.fa.fai")
    open_genome(text)
    assert identify(tmp_path / "g.fa.fai") == before


def test_an_index_that_fits_is_left_alone(open_genome, tmp_path):
    open_genome(b">a\nACGT\nAC\n>b\nACGT\n")
    before = identify(tmp_path / "g.fa.fai")
    open_genome(b">a\nTTTT\nAC\n>b\nACGT\n")
    assert identify(tmp_path / "g.fa.fai") == before


def test_an_index_that_is_none_is_named(open_genome, tmp_path):
    (tmp_path / "g.fa.fai").write_text("a\t4\tx\n")
    with pytest.raises(BasewiseError, match=r"g\.fa\.fai line 1 is not a row"):
        open_genome(b">a\nACGT\n")


def test_lines_that_an_index_of_another_tool_hides_are_noticed(open_genome, tmp_path):
    (tmp_path / "g.fa.fai").write_text("a\t12\t3\t4\t5\n")
    genome = open_genome(b">a\nACGT\nA\nCG\nACGT\n")
    with pytest.raises(BasewiseError, match="differ in width"):
        genome.read("a", 0, 12)


@pytest.fixture
def closed_folder(monkeypatch, tmp_path):
    real = tempfile.mkstemp

    def refuse(*arguments, dir=None, **options):
        if dir == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(*arguments, dir=dir, **options)

    monkeypatch.setattr(atomic.tempfile, "mkstemp", refuse)


def test_a_folder_that_cannot_be_written_keeps_the_index_in_memory(open_genome, closed_folder):
    genome = open_genome(b">a\nACGT\n")
    assert as_bytes(genome.read("a", 0, 4)) == b"ACGT"
    assert not genome.path.with_name("g.fa.fai").exists()


def test_reads_from_threads_and_after_pickling(open_genome):
    bases = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), 100_000)
    lines = b"\n".join(bases[i : i + 50].tobytes() for i in range(0, len(bases), 50))
    genome = pickle.loads(pickle.dumps(open_genome(b">a\n" + lines)))
    starts = range(0, 90_000, 997)
    with ThreadPoolExecutor(8) as pool:
        for start, read in zip(
            starts, pool.map(lambda s: genome.read("a", s, s + 5000), starts), strict=True
        ):
            np.testing.assert_array_equal(read, bases[start : start + 5000])


@pytest.fixture
def bgzip(tmp_path):
    """bgzip(text) → the path of a packed file."""

    def pack(text, name="g.fa.gz"):
        path = tmp_path / name
        with pysam.BGZFile(str(path), "wb") as stream:
            stream.write(text)
        return path

    return pack


def test_a_bgzip_file_reads_as_the_plain_one(open_genome, bgzip, tmp_path):
    random = np.random.default_rng(5)
    lines = []
    for name, length in (("b", 300_001), ("a", 59), ("c", 1)):
        bases = random.choice(np.frombuffer(ALLOWED, np.uint8), length).tobytes()
        lines += [b">%b note" % name.encode(), *(bases[i : i + 60] for i in range(0, length, 60))]
    text = b"\n".join(lines) + b"\n"
    plain, packed = open_genome(text), pickle.loads(pickle.dumps(Genome(bgzip(text))))
    assert list(packed.chromsizes.items()) == list(plain.chromsizes.items())
    spans = [(0, 300_001), (59, 61), (65_279, 65_281), (299_999, 300_001), (7, 7)]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda span: packed.read("b", *span), spans))
    for span, bases in zip(spans, read, strict=True):
        np.testing.assert_array_equal(bases, plain.read("b", *span))
        np.testing.assert_array_equal(packed.soft_mask("b", *span), plain.soft_mask("b", *span))
    np.testing.assert_array_equal(packed.read_padded("c", -2, 3), plain.read_padded("c", -2, 3))
    with pytest.raises(BasewiseError, match="no chrom 'z'; found b, a, c"):
        packed.read("z", 0, 1)
    with pytest.raises(BasewiseError, match="a has 59 bp; found a:0-60"):
        packed.read("a", 0, 60)
    index = (tmp_path / "g.fa.gz.fai").read_text()
    assert index == (tmp_path / "g.fa.fai").read_text()
    assert (tmp_path / "g.fa.gz.gzi").exists()


def test_an_index_older_than_its_bgzip_file_is_made_anew(bgzip):
    Genome(bgzip(b">a\nACGT\n")).close()
    path = bgzip(b">bb\nACGTT\n")
    for suffix in (".fai", ".gzi"):
        os.utime(f"{path}{suffix}", (1, 1))
    assert Genome(path).chromsizes == {"bb": 5}


def test_a_bgzip_file_in_a_closed_folder(bgzip, closed_folder, tmp_path):
    assert as_bytes(Genome(bgzip(b">a\nACGT\n")).read("a", 1, 3)) == b"CG"
    assert [path.name for path in tmp_path.iterdir()] == ["g.fa.gz"]


@pytest.mark.parametrize("text", [b"hello\n", b">a\nACG\nACGT\nA\n", None])
def test_bgzip_files_that_cannot_be_indexed(bgzip, tmp_path, text):
    path = bgzip(text or b">a\n" + b"ACGT\n" * 50_000)
    if text is None:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BasewiseError, match=r"g\.fa\.gz cannot be indexed"):
        Genome(path)
    assert [path.name for path in tmp_path.iterdir()] == ["g.fa.gz"]


def test_a_letter_that_is_no_base_in_a_bgzip_file(bgzip):
    with pytest.raises(BasewiseError, match=r"record 'a', position 3 .*looks like protein"):
        Genome(bgzip(b">a\nMKELLV\n")).read("a", 0, 6)


def test_reverse_complement():
    bases = np.frombuffer(b"AACGTNRacg", dtype=np.uint8)
    assert as_bytes(reverse_complement(bases)) == b"cgtYNACGTT"
    assert as_bytes(reverse_complement(reverse_complement(bases))) == b"AACGTNRacg"
    assert reverse_complement(bases[:0]).shape == (0,)
