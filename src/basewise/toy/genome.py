"""A toy genome: sequences and annotation of all chroms, made from one seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from basewise.toy.annotation import TYPES, annotate
from basewise.toy.layout import draw_layout
from basewise.toy.sequence import add_ambiguity, add_soft_mask, draw_sequence
from basewise.toy.sites import ToySite, plant_sites

DEMO_CHROMSIZES = {"chr1": 260_000, "chr2": 180_000, "chr3": 90_000}
CONTIGS = {"contig_tiny": 50, "contig_short": 1_200}


class ToyRecord(NamedTuple):
    """One row of the annotation (bp, 0-based half-open); ``phase`` is -1 unless type is CDS."""

    chrom: str
    type: str
    start: int
    end: int
    strand: str
    gene: str
    phase: int


@dataclass(frozen=True)
class ToyGenome:
    """Sequences with their planted annotation.

    Attributes:
        sequences: chrom -> uint8 (size,) of ASCII bases; may hold N, IUPAC codes, lower case.
        tables: chrom -> structured array of annotation.RECORD, in file order.
        blacklist: (chrom, start, end, name) in bp, 0-based half-open.
        sites: where factors bind, by chrom and position.
    """

    sequences: dict[str, np.ndarray]
    tables: dict[str, np.ndarray]
    blacklist: tuple[tuple[str, int, int, str], ...]
    sites: tuple[ToySite, ...] = ()

    @property
    def chromsizes(self) -> dict[str, int]:
        return {chrom: len(bases) for chrom, bases in self.sequences.items()}

    @property
    def annotation(self) -> list[ToyRecord]:
        """All records, in the order of the GTF; introns included, which a GTF leaves implicit."""
        return [
            ToyRecord(chrom, TYPES[kind], start, end, "-+"[plus], f"toy_{chrom}_{gene}", phase)
            for chrom, table in self.tables.items()
            for kind, start, end, plus, gene, phase in table.tolist()
        ]

    def labels(self) -> dict[str, dict[str, np.ndarray]]:
        """Planted truth: element -> chrom -> int64 (n, 2) intervals, sorted and disjoint."""
        wanted = {
            "protein_coding_gene": "gene",
            "exon": "exon",
            "intron": "intron",
            "5UTR": "five_prime_utr",
            "3UTR": "three_prime_utr",
            "polyA_signal": "polyA_signal",
            "promoter_Tissue_specific": "promoter_Tissue_specific",
            "promoter_Tissue_invariant": "promoter_Tissue_invariant",
        }
        labels = {
            element: {chrom: _intervals(table, kind) for chrom, table in self.tables.items()}
            for element, kind in wanted.items()
        }
        labels["splice_donor"] = {}
        labels["splice_acceptor"] = {}
        for chrom, table in self.tables.items():
            introns = table[table["type"] == TYPES.index("intron")]
            first = np.stack([introns["start"], introns["start"] + 2], axis=1)
            last = np.stack([introns["end"] - 2, introns["end"]], axis=1)
            is_plus = introns["is_plus"][:, None]
            labels["splice_donor"][chrom] = _by_start(np.where(is_plus, first, last))
            labels["splice_acceptor"][chrom] = _by_start(np.where(is_plus, last, first))
        return labels


def make_toy_genome(
    seed: int,
    chromsizes: Mapping[str, int] | None = None,
    *,
    gaps: bool = True,
    ambiguity: bool = True,
    soft_mask: bool = True,
    contigs: bool = True,
    consensus: float = 0.93,
    sites: bool = False,
) -> ToyGenome:
    """Make a genome whose every chrom depends only on seed, its rank, its size and the switches.

    Args:
        seed: any non-negative integer.
        chromsizes: chrom -> bp; the demo's three chroms when omitted.
        gaps: runs of 300-1000 N between some genes.
        ambiguity: a few short runs of N and IUPAC codes anywhere.
        soft_mask: stretches of lower case.
        contigs: add a contig of 50 bp and one of 1.2 kb, without genes.
        consensus: probability that a motif's base is not redrawn at random.
        sites: plant binding sites (`plant_sites`); all else stays the same.
    """
    sizes = dict(DEMO_CHROMSIZES if chromsizes is None else chromsizes)
    if contigs:
        sizes |= CONTIGS
    sequences, tables, blacklist = {}, {}, []
    for rank, (chrom, size_bp) in enumerate(sizes.items()):
        rng = np.random.default_rng([seed, rank])
        # A contig has no room for genes, so that it tests the ends of chroms and nothing else.
        room_bp = 0 if contigs and chrom in CONTIGS else size_bp
        layout = draw_layout(rng, room_bp, gap_fraction=0.05 if gaps else 0.0)
        layout = layout.resize(size_bp)
        bases, polya, has_gc_box = draw_sequence(rng, layout, consensus=consensus)
        if ambiguity:
            add_ambiguity(rng, bases)
        if soft_mask:
            add_soft_mask(rng, bases)
        sequences[chrom] = bases
        tables[chrom] = annotate(layout, polya, has_gc_box)
        if size_bp >= 100_000:
            start = int(rng.integers(0, size_bp - 2_000))
            name = ("High Signal Region", "Low Mappability")[len(blacklist) % 2]
            blacklist.append((chrom, start, start + int(rng.integers(500, 2_000)), name))
    planted: tuple[ToySite, ...] = ()
    if sites:
        sequences, planted = plant_sites(sequences, tables, seed)
    return ToyGenome(sequences, tables, tuple(blacklist), planted)


def _intervals(table: np.ndarray, kind: str) -> np.ndarray:
    rows = table[table["type"] == TYPES.index(kind)]
    return _by_start(np.stack([rows["start"], rows["end"]], axis=1))


def _by_start(intervals: np.ndarray) -> np.ndarray:
    return intervals[np.argsort(intervals[:, 0], kind="stable")]
