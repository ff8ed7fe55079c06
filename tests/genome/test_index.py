"""Indexing a genome: what samtools and a plain scan say."""

import numpy as np
import pysam
from hypothesis import given
from hypothesis import strategies as st

from basewise.genome import index
from basewise.genome.fasta import get_genome
from basewise.genome.index import find_gaps, index_genome
from basewise.genome.sequence import Genome
from basewise.intervals import read_bed, read_chromsizes, runs_of


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


def test_yeast(shared, tmp_path):
    fasta, fai, sizes, gaps = (tmp_path / n for n in ("y.fa", "y.fa.fai", "y.sizes", "y.bed"))
    get_genome(str(shared / "real" / "yeast" / "genome.fa.gz"), fasta, tmp_path / "y.json")
    index_genome(fasta, fai, sizes, gaps)
    ours = fai.read_text()
    pysam.faidx(str(fasta))
    assert fai.read_text() == ours
    assert sum(read_chromsizes(sizes).values()) == 12_157_105
    assert read_bed(gaps) == {}
