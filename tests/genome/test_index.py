"""Indexing a genome: what samtools and a plain scan say."""

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import fai, index
from basewise.genome.fasta import get_genome
from basewise.genome.index import find_gaps, index_genome
from basewise.genome.sequence import Genome
from basewise.intervals import read_bed, read_chromsizes, runs_of
from basewise.tracks.bigwig.format import MAX_POSITION


def test_writes_fai_chromsizes_and_gaps(tmp_path):
    fasta = tmp_path / "genome.fa"
    fasta.write_bytes(b">b x\nNNAC\nGTRN\nnAC\n>a\nACGT\n>c\nN\n")
    paths = [tmp_path / name for name in ("genome.fa.fai", "chrom.sizes", "gaps.bed")]
    index_genome(fasta, *paths)
    ours = paths[0].read_text()
    assert read_chromsizes(paths[1]) == {"b": 11, "a": 4, "c": 1}
    assert paths[1].read_text() == "b\t11\na\t4\nc\t1\n"
    assert paths[2].read_text() == "b\t0\t2\nb\t6\t9\nc\t0\t1\n"
    pysam.faidx(str(fasta))
    assert paths[0].read_text() == ours
    assert len(list(tmp_path.iterdir())) == 4


@given(mask=st.lists(st.booleans(), min_size=1, max_size=60), block=st.integers(1, 20))
def test_gaps_do_not_depend_on_the_block(tmp_path_factory, mask, block):
    fasta = tmp_path_factory.mktemp("gaps") / "g.fa"
    fasta.write_bytes(b">a\n" + bytes(b"N"[0] if gap else b"A"[0] for gap in mask))
    before, index.BLOCK_BP = index.BLOCK_BP, block
    try:
        with Genome(fasta) as genome:
            np.testing.assert_array_equal(find_gaps(genome, "a"), runs_of(mask))
    finally:
        index.BLOCK_BP = before


def test_a_chrom_that_no_bigwig_holds_is_refused_early(tmp_path, monkeypatch):
    assert fai.MAX_CHROM_BP == MAX_POSITION
    monkeypatch.setattr(fai, "MAX_CHROM_BP", 11)
    source, out = tmp_path / "in.fa", tmp_path / "out"
    source.write_bytes(b">a\n" + b"ACGT" * 3 + b"\n>b\nACGTACGTACG\n")
    match = r"in\.fa: a is longer than the 11 bp .*found 12 bp.* Split it"
    with pytest.raises(BasewiseError, match=match):
        index_genome(source, out / "fai", out / "sizes", out / "gaps.bed")
    with pytest.raises(BasewiseError, match=match):
        get_genome(str(source), out / "g.fa", out / "g.json")
    assert not out.exists() or list(out.iterdir()) == []
    record = get_genome(str(source), out / "g.fa", out / "g.json", exclude=["a"])
    assert record["chromsizes"] == {"b": 11}


def test_yeast(shared, tmp_path):
    fasta, index_path, sizes, gaps = (
        tmp_path / n for n in ("y.fa", "y.fa.fai", "y.sizes", "y.bed")
    )
    get_genome(str(shared / "real" / "yeast" / "genome.fa.gz"), fasta, tmp_path / "y.json")
    index_genome(fasta, index_path, sizes, gaps)
    ours = index_path.read_text()
    pysam.faidx(str(fasta))
    assert index_path.read_text() == ours
    assert sum(read_chromsizes(sizes).values()) == 12_157_105
    assert read_bed(gaps) == {}
