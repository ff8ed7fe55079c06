"""Annotation files may name chroms otherwise than the genome does."""

import gzip

from basewise.labels.chroms import match_chroms


def test_names_of_a_gtf_are_matched(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    with gzip.open(path, "wt") as stream:
        stream.write("#!genome-build x\n1\tx\texon\t1\t9\nMT\tx\texon\t1\t9\nscaffold\tx\t\n\n")
    found = match_chroms(path, {"chr1": 100, "chrM": 50})
    assert found == {"1": "chr1", "MT": "chrM"}


def test_a_table_of_synonyms_decides(tmp_path):
    path, table = tmp_path / "genes.bed", tmp_path / "aliases.tsv"
    path.write_text("NC_1\t0\t9\texon\nchr1\t0\t9\texon\n")
    table.write_text("chr1\tNC_1\n")
    assert match_chroms(path, {"chr1": 100}, table) == {"NC_1": "chr1", "chr1": "chr1"}
