"""Annotation files: real counts by another road, spellings, what is derived, and bad input."""

import gzip
import logging
import re
from collections import defaultdict

import numpy as np
import pytest

from basewise.calling.gff3 import escape_seqid
from basewise.errors import BasewiseError
from basewise.labels import ELEMENT_NAMES, genes, read_annotation, rows
from basewise.labels import table as t
from basewise.toy import make_toy_genome, write_toy_genome

SIZES = {"chr1": 10_000, "chr2": 5_000}
GENE_ELEMENTS = ELEMENT_NAMES[:8]


def gtf_row(kind, start, end, strand="+", chrom="chr1", **attributes):
    text = " ".join(f'{key} "{value}";' for key, value in attributes.items())
    return f"{chrom}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{text}\n"


def gff_row(kind, start, end, strand="+", chrom="chr1", **attributes):
    text = ";".join(f"{key}={value}" for key, value in attributes.items())
    return f"{chrom}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{text}\n"


def write(path, *lines):
    path.write_text("".join(lines))
    return path


def pairs(labels, element, chrom="chr1"):
    return labels[element][chrom].tolist()


@pytest.fixture(scope="module")
def yeast_gtf(shared):
    return shared / "real" / "yeast" / "genes.gtf.gz"


def read_plainly(path):
    """Rows as (chrom, type, start, end, strand, attributes), the slow way."""
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        if not line.startswith("#"):
            chrom, _, kind, start, end, _, strand, _, text = line.split("\t")
            attributes = dict(re.findall(r'(\S+) "([^"]*)"', text))
            yield chrom, kind, int(start) - 1, int(end), strand, attributes


def test_yeast_counts_equal_a_plain_reading(yeast_gtf):
    found_genes, exons = [], defaultdict(list)
    for chrom, kind, start, end, strand, attributes in read_plainly(yeast_gtf):
        if kind == "gene" and attributes["gene_biotype"] == "protein_coding":
            found_genes.append((chrom, start, end))
        if kind == "exon":
            exons[chrom, strand, attributes["transcript_id"]].append((start, end))
    introns = [
        (chrom, before[1], after[0], strand == "-")
        for (chrom, strand, _), parts in exons.items()
        for before, after in zip(sorted(parts), sorted(parts)[1:], strict=False)
        if after[0] - before[1] >= 10
    ]
    assert len(found_genes) == 6_600
    assert len(introns) > 300

    table = t.read_table(yeast_gtf, ELEMENT_NAMES)
    assert table.n_rows == sum(1 for _ in read_plainly(yeast_gtf))

    def named(chrom, *columns):
        chroms = [table.names[i] for i in chrom]
        return sorted(zip(chroms, *(c.tolist() for c in columns), strict=True))

    assert named(*genes.find_genes(table.rows, t.CODING_BIOTYPE)) == sorted(found_genes)
    assert named(*genes.find_introns(table.rows)) == sorted(introns)


def test_yeast_masks_equal_a_plain_reading(yeast_gtf):
    sizes = {"I": 230_218, "IV": 1_531_933, "Mito": 85_779}
    labels = read_annotation(yeast_gtf, ["protein_coding_gene", "exon"], sizes)
    for element, wanted in (("exon", "exon"), ("protein_coding_gene", "gene")):
        masks = {chrom: np.zeros(size, dtype=bool) for chrom, size in sizes.items()}
        for chrom, kind, start, end, _, attributes in read_plainly(yeast_gtf):
            is_coding = attributes["gene_biotype"] == "protein_coding"
            if chrom in sizes and kind == wanted and (kind == "exon" or is_coding):
                masks[chrom][start:end] = True
        for chrom, mask in masks.items():
            ours = np.zeros_like(mask)
            for start, end in labels[element][chrom]:
                assert not ours[start:end].any()
                ours[start:end] = True
            assert np.array_equal(ours, mask)


@pytest.mark.parametrize("name", ["g.gtf", "g.gtf.gz"])
def test_toy_files_give_back_the_planted_labels(tmp_path, name):
    toy = make_toy_genome(7, {"chr1": 60_000, "chr2": 40_000})
    write_toy_genome(toy, tmp_path / "g.fa", tmp_path / name)
    planted = toy.labels()
    read = read_annotation(tmp_path / name, list(planted), toy.chromsizes)
    for element, chroms in planted.items():
        for chrom, intervals in chroms.items():
            assert np.array_equal(read[element][chrom], intervals), (element, chrom)


def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch):
    toy = make_toy_genome(7, {"chr1": 30_000, "chr2": 20_000})
    write_toy_genome(toy, tmp_path / "g.fa", tmp_path / "g.gtf")
    whole = read_annotation(tmp_path / "g.gtf", GENE_ELEMENTS, toy.chromsizes)
    for size in (64, 1_000, 7_001):
        monkeypatch.setattr(rows, "BLOCK_BYTES", size)
        parts = read_annotation(tmp_path / "g.gtf", GENE_ELEMENTS, toy.chromsizes)
        for element in GENE_ELEMENTS:
            for chrom in toy.chromsizes:
                assert np.array_equal(parts[element][chrom], whole[element][chrom])


def test_both_strands_by_hand(tmp_path):
    lines = []
    for strand, name, base in (("+", "p", 0), ("-", "m", 1_000)):
        ids = {"gene_id": name, "transcript_id": f"{name}.1"}
        lines += [
            gtf_row("gene", base + 101, base + 600, strand, gene_id=name, gene_biotype="lincRNA"),
            gtf_row("exon", base + 101, base + 200, strand, **ids),
            gtf_row("exon", base + 301, base + 600, strand, **ids),
            gtf_row("CDS", base + 151, base + 200, strand, **ids),
            gtf_row("CDS", base + 301, base + 500, strand, **ids),
        ]
    labels = read_annotation(write(tmp_path / "a.gtf", *lines), GENE_ELEMENTS, SIZES)
    assert pairs(labels, "lncRNA") == [[100, 600], [1100, 1600]]
    assert pairs(labels, "protein_coding_gene") == []
    assert pairs(labels, "exon") == [[100, 200], [300, 600], [1100, 1200], [1300, 1600]]
    assert pairs(labels, "intron") == [[200, 300], [1200, 1300]]
    assert pairs(labels, "splice_donor") == [[200, 202], [1298, 1300]]
    assert pairs(labels, "splice_acceptor") == [[298, 300], [1200, 1202]]
    assert pairs(labels, "5UTR") == [[100, 150], [1500, 1600]]
    assert pairs(labels, "3UTR") == [[500, 600], [1100, 1150]]
    assert all(labels[e]["chr2"].shape == (0, 2) for e in GENE_ELEMENTS)


def test_explicit_utrs_win_and_stop_codons_are_no_utr(tmp_path):
    ids = {"gene_id": "g", "transcript_id": "t"}
    exon_cds = [gtf_row("exon", 1, 300, **ids), gtf_row("CDS", 101, 200, **ids)]
    stop = gtf_row("stop_codon", 201, 203, **ids)
    implied = read_annotation(write(tmp_path / "a.gtf", *exon_cds, stop), ["3UTR"], SIZES)
    assert pairs(implied, "3UTR") == [[203, 300]]
    explicit = write(tmp_path / "b.gtf", *exon_cds, gtf_row("three_prime_utr", 251, 300, **ids))
    labels = read_annotation(explicit, ["5UTR", "3UTR"], SIZES)
    assert pairs(labels, "3UTR") == [[250, 300]]
    assert pairs(labels, "5UTR") == []


def test_gencode_spelling_and_utr_rows(tmp_path):
    ids = {"gene_id": "g", "transcript_id": "t", "gene_type": "protein_coding"}
    lines = [
        gtf_row("gene", 1, 300, gene_id="g", gene_type="protein_coding", level="2; odd"),
        gtf_row("exon", 1, 300, **ids),
        gtf_row("CDS", 101, 200, **ids),
        gtf_row("UTR", 1, 100, **ids),
        gtf_row("UTR", 201, 300, **ids),
    ]
    labels = read_annotation(write(tmp_path / "a.gtf", *lines), GENE_ELEMENTS, SIZES)
    assert pairs(labels, "protein_coding_gene") == [[0, 300]]
    assert pairs(labels, "5UTR") == [[0, 100]]
    assert pairs(labels, "3UTR") == [[200, 300]]


def test_gff3_parents(tmp_path):
    lines = [
        "##gff-version 3\n",
        gff_row("gene", 1, 900, ID="gene:g", biotype="protein_coding"),
        gff_row("mRNA", 1, 900, ID="t1", Parent="gene:g"),
        gff_row("mRNA", 1, 500, ID="t2", Parent="gene:g"),
        gff_row("exon", 1, 100, Parent="t1,t2"),
        gff_row("exon", 201, 300, Parent="t1"),
        gff_row("exon", 401, 500, Parent="t1,t2"),
        gff_row("exon", 2001, 2100, ID="alone"),
        gff_row("exon", 2201, 2300, ID="alone_too"),
        gff_row("ncRNA_gene", 3001, 3100, ID="n", biotype="lncRNA"),
        "##FASTA\n>chr1\nACGT\n",
    ]
    labels = read_annotation(write(tmp_path / "a.gff3", *lines), GENE_ELEMENTS, SIZES)
    assert pairs(labels, "protein_coding_gene") == [[0, 900]]
    assert pairs(labels, "lncRNA") == [[3000, 3100]]
    assert pairs(labels, "intron") == [[100, 400]]  # t2's holds t1's two
    assert pairs(labels, "splice_donor") == [[100, 102], [300, 302]]
    assert pairs(labels, "splice_acceptor") == [[198, 200], [398, 400]]


@pytest.mark.parametrize("is_gff3", [False, True])
def test_genes_without_biotype_are_coding_when_a_transcript_is(tmp_path, is_gff3):
    if is_gff3:
        lines = [
            gff_row("gene", 1, 90, ID="g"),
            gff_row("mRNA", 1, 90, ID="t", Parent="g"),
            gff_row("CDS", 1, 90, ID="c", Parent="t"),
            gff_row("gene", 201, 290, ID="h"),
            gff_row("tRNA", 201, 290, ID="u", Parent="h"),
            gff_row("exon", 201, 290, Parent="u"),
            gff_row("gene", 401, 490, ID="direct"),
            gff_row("CDS", 401, 490, Parent="direct"),
        ]
    else:
        lines = [
            gtf_row("gene", 1, 90, gene_id="g"),
            gtf_row("CDS", 1, 90, gene_id="g", transcript_id="t"),
            gtf_row("gene", 201, 290, gene_id="h"),
            gtf_row("exon", 201, 290, gene_id="h", transcript_id="u"),
            gtf_row("gene", 401, 490, gene_id="direct"),
            gtf_row("CDS", 401, 490, gene_id="direct", transcript_id="direct"),
        ]
    path = write(tmp_path / ("a.gff3" if is_gff3 else "a.gtf"), *lines)
    labels = read_annotation(path, ["protein_coding_gene"], SIZES)
    assert pairs(labels, "protein_coding_gene") == [[0, 90], [400, 490]]


def test_bare_ids_in_column_nine(tmp_path):
    rest = "chr1\tAUGUSTUS\t{}\t{}\t{}\t.\t+\t.\t{}\n"
    ids = 'transcript_id "g1.t1"; gene_id "g1";'
    lines = [
        rest.format("gene", 1, 500, "g1"),
        rest.format("transcript", 1, 500, "g1.t1"),
        rest.format("CDS", 1, 90, ids),
        rest.format("exon", 1, 90, ids),
        rest.format("gene", 601, 700, "g2"),
        rest.format("gene", 801, 900, "."),
        rest.format("CDS", 801, 900, "."),
    ]
    labels = read_annotation(write(tmp_path / "a.gtf", *lines), ["protein_coding_gene"], SIZES)
    assert pairs(labels, "protein_coding_gene") == [[0, 500]]


@pytest.mark.parametrize("block_bytes", [64, 1 << 24])
def test_the_first_attributes_tell_gff3_from_gtf(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(rows, "BLOCK_BYTES", block_bytes)
    nothing = "chr1\tx\tregion\t1\t10000\t.\t.\t.\t.\n"
    gff3 = [
        gff_row("gene", 1, 90, ID="g"),
        gff_row("mRNA", 1, 90, ID="t", Parent="g"),
        gff_row("CDS", 1, 90, ID="c", Parent="t"),
    ]
    gtf = [
        gtf_row("gene", 1, 90, gene_id="g"),
        gtf_row("CDS", 1, 90, gene_id="g", transcript_id="t"),
    ]
    for name, lines in (("a.gff3", gff3), ("a.gff", gff3), ("a.gtf", gtf), ("b.gff", gtf)):
        path = write(tmp_path / name, nothing, *lines)
        labels = read_annotation(path, ["protein_coding_gene"], SIZES)
        assert pairs(labels, "protein_coding_gene") == [[0, 90]], name


def test_an_id_on_two_chroms_or_strands_makes_no_intron(tmp_path):
    ids = {"gene_id": "g", "transcript_id": "t"}
    lines = [
        gtf_row("exon", 1, 100, **ids),
        gtf_row("exon", 201, 300, strand="-", **ids),
        gtf_row("exon", 401, 500, chrom="chr2", **ids),
        gtf_row("exon", 601, 700, gene_id="g"),
        gtf_row("exon", 801, 900, gene_id="g"),
    ]
    labels = read_annotation(write(tmp_path / "a.gtf", *lines), ["intron"], SIZES)
    assert pairs(labels, "intron") == [] == pairs(labels, "intron", "chr2")


def test_frameshift_gaps_are_no_introns(tmp_path):
    ids = {"gene_id": "g", "transcript_id": "t"}
    exons = [(1, 100), (102, 200), (210, 300), (311, 400)]
    path = write(tmp_path / "a.gtf", *(gtf_row("exon", *exon, **ids) for exon in exons))
    assert pairs(read_annotation(path, ["intron"], SIZES), "intron") == [[300, 310]]


def test_rows_that_are_elements_themselves(tmp_path, caplog):
    lines = [
        gff_row("polyA_signal_sequence", 1, 6),
        gff_row("SO:0001974", 11, 20),
        gff_row("promoter_Tissue_specific", 21, 30),
        gff_row("promoter", 31, 40),
        gff_row("lncRNA_gene", 41, 50),
    ]
    path = write(tmp_path / "a.gff", *lines)
    labels = read_annotation(path, ELEMENT_NAMES, SIZES)
    assert pairs(labels, "polyA_signal") == [[0, 6]]
    assert pairs(labels, "CTCF-bound") == [[10, 20]]
    assert pairs(labels, "lncRNA") == [[40, 50]]
    assert pairs(labels, "promoter_Tissue_specific") == [[20, 30]]
    assert "1 rows left out, whose type several elements share" in caplog.text
    only = read_annotation(path, ["promoter_Tissue_invariant"], SIZES)
    assert pairs(only, "promoter_Tissue_invariant") == [[30, 40]]


def test_bed_labels(tmp_path, caplog):
    lines = ["chr1\t5\t9\texon\n", "chr1\t8\t12\texon\t0\t-\n", "chr2\t1\t2\tpolyA_signal\n"]
    path = write(tmp_path / "a.bed", *lines, "chr1\t1\t2\tHigh Signal\n")
    labels = read_annotation(path, ["exon"], SIZES)
    assert pairs(labels, "exon") == [[5, 12]]
    assert "1 rows left out, whose name is no element: High Signal" in caplog.text
    with pytest.raises(BasewiseError, match=r"b\.bed line 2 names no element"):
        read_annotation(write(tmp_path / "b.bed", lines[0], "chr1\t1\t2\n"), ["exon"], SIZES)


def test_other_chroms_are_counted_once(tmp_path, caplog):
    lines = [gtf_row("exon", 1, 9, chrom=c) for c in ("chr1", "Un_1", "Un_2", "Un_1")]
    path = write(tmp_path / "a.gtf", *lines)
    with caplog.at_level(logging.WARNING):
        labels = read_annotation(path, ["exon"], SIZES)
    assert pairs(labels, "exon") == [[0, 9]]
    warnings = [r.getMessage() for r in caplog.records if "lacks" in r.getMessage()]
    assert len(warnings) == 1
    assert "2 chroms with 3 intervals" in warnings[0]


@pytest.mark.parametrize("suffix", ["gtf", "bed"])
def test_chrom_names_of_other_files_are_understood(tmp_path, suffix):
    table = write(tmp_path / "aliases.tsv", "chr2\tNC_2\n")
    if suffix == "gtf":
        lines = [gtf_row("exon", 1, 9, chrom="1"), gtf_row("exon", 1, 5, chrom="NC_2")]
    else:
        lines = ["1\t0\t9\texon\n", "NC_2\t0\t5\texon\n"]
    path = write(tmp_path / f"a.{suffix}", *lines)
    labels = read_annotation(path, ["exon"], SIZES, table)
    assert pairs(labels, "exon") == [[0, 9]]
    assert pairs(labels, "exon", "chr2") == [[0, 5]]
    assert pairs(read_annotation(path, ["exon"], SIZES), "exon", "chr2") == []


def circular_rows(*further):
    return [
        gff_row("region", 1, 5_000, chrom="chr2", ID="r", Is_circular="true"),
        gff_row("gene", 4_901, 5_200, chrom="chr2", ID="g", gene_biotype="protein_coding"),
        gff_row("mRNA", 4_901, 5_200, chrom="chr2", ID="t", Parent="g"),
        gff_row("exon", 4_901, 5_100, chrom="chr2", Parent="t"),
        gff_row("exon", 5_151, 5_200, chrom="chr2", Parent="t"),
        gff_row("CDS", 4_951, 5_100, chrom="chr2", Parent="t"),
        gff_row("exon", 11, 20, chrom="chr2", ID="e"),
        *further,
    ]


def test_features_across_the_origin_of_a_circular_chrom(tmp_path, caplog):
    path = write(tmp_path / "a.gff3", *circular_rows())
    with caplog.at_level(logging.INFO):
        labels = read_annotation(path, GENE_ELEMENTS, SIZES)
    assert pairs(labels, "protein_coding_gene", "chr2") == [[0, 200], [4900, 5000]]
    assert pairs(labels, "exon", "chr2") == [[0, 100], [150, 200], [4900, 5000]]
    assert pairs(labels, "intron", "chr2") == [[100, 150]]  # none at the origin
    assert pairs(labels, "splice_donor", "chr2") == [[100, 102]]
    assert pairs(labels, "splice_acceptor", "chr2") == [[148, 150]]
    assert pairs(labels, "5UTR", "chr2") == [[4900, 4950]]
    assert pairs(labels, "3UTR", "chr2") == [[150, 200]]
    assert "5 rows cross the origin of a circular chrom and go on at its start: chr2" in caplog.text


@pytest.mark.parametrize("exons", [[(4_901, 5_100), (151, 200)], [(4_901, 5_000), (1, 200)]])
def test_parts_after_the_origin_follow_those_before(tmp_path, exons):
    whole = {"chrom": "chr2", "strand": "-"}
    lines = [
        gff_row("region", 1, 5_000, chrom="chr2", ID="r", Is_circular="true"),
        gff_row("gene", 4_801, 5_200, **whole, ID="g"),
        gff_row("mRNA", 4_801, 5_200, **whole, ID="t", Parent="g"),
        gff_row("exon", 4_801, 4_850, **whole, Parent="t"),
        *(gff_row("exon", *exon, **whole, Parent="t") for exon in exons),
    ]
    labels = read_annotation(write(tmp_path / "a.gff3", *lines), GENE_ELEMENTS, SIZES)
    introns = [[4850, 4900]] if exons[1][0] == 1 else [[100, 150], [4850, 4900]]
    assert pairs(labels, "intron", "chr2") == introns
    assert len(pairs(labels, "splice_donor", "chr2")) == len(introns)


@pytest.mark.parametrize(
    "row",
    [
        gff_row("exon", 9_001, 10_001, ID="x"),  # chr1 is not circular
        gff_row("exon", 4_001, 10_001, chrom="chr2", ID="x"),  # more than once around
    ],
)
def test_rows_past_the_end_are_refused_beside_circular_chroms(tmp_path, row):
    path = write(tmp_path / "a.gff3", *circular_rows(row))
    with pytest.raises(BasewiseError, match=r"line 8 reaches past the end of chr"):
        read_annotation(path, ["exon"], SIZES)


def test_percent_encoded_chrom_names_of_gff3(tmp_path):
    sizes = {"HG002#1#chr1": 100, "a%20b": 100}
    encoded = [escape_seqid("HG002#1#chr1"), "a%20b"]
    assert encoded[0] == "HG002%231%23chr1"
    lines = [gff_row("exon", 1, 9, chrom=chrom, ID="e") for chrom in encoded]
    labels = read_annotation(write(tmp_path / "a.gff3", *lines), ["exon"], sizes)
    assert [pairs(labels, "exon", chrom) for chrom in sizes] == [[[0, 9]], [[0, 9]]]
    for aliases in ([("HG002#1#chr1", "chr1")], [(encoded[0], "chr1")]):
        labels = read_annotation(tmp_path / "a.gff3", ["exon"], {"chr1": 100}, aliases)
        assert pairs(labels, "exon") == [[0, 9]]


@pytest.mark.parametrize("suffix", ["gff3", "bed"])
def test_a_file_without_a_chrom_of_the_genome_is_refused(tmp_path, suffix):
    names = [f"NC_00000{i}.11" for i in range(1, 6)]
    is_bed = suffix == "bed"
    lines = [f"{n}\t0\t9\texon\n" if is_bed else gff_row("exon", 1, 9, chrom=n) for n in names]
    path = write(tmp_path / f"a.{suffix}", *lines)
    with pytest.raises(BasewiseError) as caught:
        read_annotation(path, ["exon"], SIZES)
    shown = str(caught.value)
    assert f"a.{suffix} names no chrom of the genome; found NC_000001.11, NC_000002.11" in shown
    assert "the genome has chr1, chr2" in shown
    assert "aliases" in shown
    # of a genome cut down to chroms without a gene
    labels = read_annotation(path, ["exon"], SIZES, dropped=["NC_000002.11"])
    assert pairs(labels, "exon") == []
    aliases = [("NC_000003.11", "chr3"), ("chr2", "Two")]
    assert pairs(read_annotation(path, ["exon"], SIZES, aliases, ["chr3"]), "exon") == []


def test_windows_line_ends_and_no_last_newline(tmp_path):
    path = tmp_path / "a.gtf"
    row = gtf_row("gene", 1, 9, gene_id="g", gene_biotype="protein_coding").rstrip("\n")
    path.write_bytes(b"# comment\r\n\r\n" + row.rstrip(";").encode() + b"\r\n" + row.encode())
    labels = read_annotation(path, ["protein_coding_gene"], SIZES)
    assert pairs(labels, "protein_coding_gene") == [[0, 9]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\tx\texon\t1\t9\n", r"line 3 has 5 tab-separated columns, not nine"),
        ("chr1 x exon 1 9 . + . a\n", r"line 3 has 1 tab-separated columns"),
        (gtf_row("exon", "1e3", 9), r"line 3 has no valid start and end; found '1e3' and '9'"),
        (gtf_row("exon", 0, 9), r"line 3 .* found '0' and '9'"),
        (gtf_row("exon", 9, 8), r"line 3 .* found '9' and '8'"),
        (gtf_row("exon", "", 8), r"line 3 .* found '' and '8'"),
        (gtf_row("exon", 9_990, 10_001), r"line 3 reaches past the end of chr1 \(10000 bp\)"),
    ],
)
def test_malformed_rows_name_file_and_line(tmp_path, line, message):
    good = gtf_row("exon", 1, 9, transcript_id="t")
    path = write(tmp_path / "bad.gtf", "# comment\n", good, line, good)
    with pytest.raises(BasewiseError, match=r"bad\.gtf " + message) as caught:
        read_annotation(path, ["exon"], SIZES)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_annotation(tmp_path):
    packed = tmp_path / "cut.gtf.gz"
    whole = gzip.compress(gtf_row("exon", 1, 9).encode() * 1_000, mtime=0)
    packed.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BasewiseError, match="not a whole gzip file"):
        read_annotation(packed, ["exon"], SIZES)
    with pytest.raises(BasewiseError, match="does not exist"):
        read_annotation(tmp_path / "none.gtf", ["exon"], SIZES)
    with pytest.raises(BasewiseError, match=r"suffix '\.txt'"):
        read_annotation(tmp_path / "a.txt", ["exon"], SIZES)
    with pytest.raises(BasewiseError, match="unknown element; found 'exons'"):
        read_annotation(tmp_path / "a.gtf", ["exons"], SIZES)
    with pytest.raises(BasewiseError, match="has no rows"):
        read_annotation(write(tmp_path / "e.gtf", "# only a comment\n"), ["exon"], SIZES)
    with pytest.raises(BasewiseError, match="line 1 has 1 tab-separated"):
        read_annotation(write(tmp_path / "h.gtf", "<!DOCTYPE html>\n"), ["exon"], SIZES)


def test_elements_without_intervals_are_named(tmp_path, caplog):
    path = write(tmp_path / "a.gtf", gtf_row("exon", 1, 9, transcript_id="t"))
    read_annotation(path, ["exon", "intron"], SIZES)
    assert "has no interval of: intron" in caplog.text
