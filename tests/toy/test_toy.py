"""Toy genomes: the annotation says what the sequence does, and the files say the same again."""

import gzip
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.toy import make_toy_genome, write_toy_genome
from basewise.toy.genome import CONTIGS

_COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")
_STOPS = {b"TAA", b"TAG", b"TGA"}


def make_clean(seed, size_bp=60_000, **switches):
    switches = {"gaps": False, "ambiguity": False, "soft_mask": False, "contigs": False} | switches
    return make_toy_genome(seed, {"chr1": size_bp}, **switches)


def read_sense(toy, record):
    bases = toy.sequences[record.chrom][record.start : record.end].tobytes()
    return bases if record.strand == "+" else bases.translate(_COMPLEMENT)[::-1]


def group_by_gene(toy):
    genes = {}
    for record in toy.annotation:
        genes.setdefault(record.gene, {}).setdefault(record.type, []).append(record)
    return genes


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), size_bp=st.integers(1, 30_000))
def test_every_gene_is_one(seed, size_bp):
    toy = make_clean(seed, size_bp)
    assert len(toy.sequences["chr1"]) == size_bp
    for gene in group_by_gene(toy).values():
        (whole,), exons, introns = gene["gene"], gene["exon"], gene["intron"]
        assert 0 <= whole.start < whole.end <= size_bp
        assert 2 <= len(exons) <= 6
        pieces = sorted((r.start, r.end) for r in exons + introns)
        assert (pieces[0][0], pieces[-1][1]) == (whole.start, whole.end)
        assert all(a[1] == b[0] for a, b in pairwise(pieces))
        assert all(60 <= r.end - r.start <= 310 for r in exons)
        assert all(80 <= r.end - r.start <= 400 for r in introns)
        assert all(read_sense(toy, r)[:2] == b"GT" for r in introns)
        assert all(read_sense(toy, r)[-2:] == b"AG" for r in introns)

        in_order = sorted(gene["CDS"], key=lambda r: r.start, reverse=whole.strand == "-")
        coding = b"".join(read_sense(toy, r) for r in in_order)
        assert len(coding) % 3 == 0
        assert coding[:3] == b"ATG" == read_sense(toy, gene["start_codon"][0])
        assert not _STOPS & {coding[i : i + 3] for i in range(0, len(coding), 3)}
        assert read_sense(toy, gene["stop_codon"][0]) in _STOPS
        done = 0
        for record in in_order:
            assert (done + record.phase) % 3 == 0
            done += record.end - record.start

        utrs = gene["five_prime_utr"] + gene["three_prime_utr"]
        parts = utrs + gene["CDS"] + gene["stop_codon"]
        assert sum(r.end - r.start for r in parts) == sum(r.end - r.start for r in exons)
        (signal,), (tail,) = gene["polyA_signal"], gene["three_prime_utr"]
        assert tail.start <= signal.start < signal.end <= tail.end
        assert read_sense(toy, signal)[-3:] == b"AAA"
        (promoter,) = (r for kind, rs in gene.items() if kind.startswith("promoter") for r in rs)
        if whole.strand == "+":
            assert promoter.end == whole.start
        else:
            assert promoter.start == whole.end


def test_both_strands_and_composition():
    toy = make_clean(3, 400_000)
    labels = toy.labels()
    assert {r.strand for r in toy.annotation} == {"+", "-"}
    bases = toy.sequences["chr1"]

    def gc(element):
        picked = np.concatenate([bases[s:e] for s, e in labels[element]["chr1"]])
        return np.isin(picked, [ord("C"), ord("G")]).mean()

    assert gc("exon") > 0.5 > 0.35 > gc("intron")
    covered = int(np.diff(labels["protein_coding_gene"]["chr1"]).sum())
    assert 0.4 < covered / len(bases) < 0.8
    # Decoys: most GT are no donor, so the task is more than a dinucleotide.
    is_gt = (bases[:-1] == ord("G")) & (bases[1:] == ord("T"))
    assert is_gt.sum() > 10 * len(labels["splice_donor"]["chr1"])


def test_same_seed_same_genome_other_seed_other_genome():
    first, again, other = make_toy_genome(5), make_toy_genome(5), make_toy_genome(6)
    for chrom, bases in first.sequences.items():
        assert np.array_equal(bases, again.sequences[chrom])
        assert not np.array_equal(bases, other.sequences[chrom])
    assert first.annotation == again.annotation
    assert first.blacklist == again.blacklist


def test_a_chrom_does_not_depend_on_later_ones():
    alone = make_toy_genome(5, {"a": 20_000}, contigs=False)
    beside = make_toy_genome(5, {"a": 20_000, "b": 9_000}, contigs=False)
    assert np.array_equal(alone.sequences["a"], beside.sequences["a"])


def test_switches_turn_flaws_on_and_off():
    flawed = make_toy_genome(11)
    letters = set(np.concatenate(list(flawed.sequences.values())).tobytes().decode())
    assert set("ACGTNacgt") <= letters
    assert letters & set("RYSWKM")
    assert {c: flawed.chromsizes[c] for c in CONTIGS} == CONTIGS
    assert not any(r.chrom in CONTIGS for r in flawed.annotation)
    clean = make_clean(11, 500_000)
    assert set(clean.sequences["chr1"].tobytes()) == set(b"ACGT")
    gapped = make_clean(11, 500_000, gaps=True)
    assert (gapped.sequences["chr1"] == ord("N")).sum() >= 300
    for start, end in gapped.labels()["protein_coding_gene"]["chr1"]:
        assert not (gapped.sequences["chr1"][start:end] == ord("N")).any()


def test_files_hold_the_genome(tmp_path):
    toy = make_toy_genome(2, {"chr1": 120_000, "chr2": 30_001})
    fasta, gtf, bed = (tmp_path / name for name in ("g.fa", "g.gtf.gz", "black.bed"))
    write_toy_genome(toy, fasta, gtf, bed)
    read = {}
    for record in fasta.read_text().split(">")[1:]:
        name, *lines = record.splitlines()
        assert {len(line) for line in lines[:-1]} <= {60}
        read[name] = "".join(lines)
    assert read == {c: b.tobytes().decode() for c, b in toy.sequences.items()}
    text = gzip.decompress(gtf.read_bytes()).decode()
    rows = [x.split("\t") for x in text.splitlines() if not x.startswith("#")]
    written = [r for r in toy.annotation if r.type != "intron"]
    assert [(r[0], r[2], int(r[3]) - 1, int(r[4]), r[6]) for r in rows] == [
        (r.chrom, r.type, r.start, r.end, r.strand) for r in written
    ]
    assert all(len(row) == 9 for row in rows)
    blacklist = [row.split("\t") for row in bed.read_text().splitlines()]
    assert [(r[0], int(r[1]), int(r[2]), r[3]) for r in blacklist] == list(toy.blacklist)
    assert " " in blacklist[0][3]
    first = gtf.read_bytes()
    write_toy_genome(toy, fasta, gtf)
    assert gtf.read_bytes() == first


def test_nothing_is_left_when_writing_fails(tmp_path):
    toy = make_clean(1, 5_000)
    (tmp_path / "not_a_folder").write_text("")
    with pytest.raises(BasewiseError, match="not_a_folder"):
        write_toy_genome(toy, tmp_path / "not_a_folder" / "g.fa", tmp_path / "g.gtf")
    assert [p.name for p in tmp_path.iterdir()] == ["not_a_folder"]
