"""The annotation of a toy chrom: its layout as rows of a gene table on the plus strand's axis."""

import numpy as np

from basewise.toy import biology
from basewise.toy.layout import MAX_EXONS, Layout

TYPES = (
    "promoter_Tissue_specific",
    "promoter_Tissue_invariant",
    "gene",
    "transcript",
    "exon",
    "CDS",
    "intron",
    "five_prime_utr",
    "start_codon",
    "stop_codon",
    "three_prime_utr",
    "polyA_signal",
)

RECORD = np.dtype(
    [
        ("type", np.uint8),
        ("start", np.int64),
        ("end", np.int64),
        ("is_plus", np.uint8),
        ("gene", np.int32),
        ("phase", np.int8),
    ]
)


def annotate(layout: Layout, polya: np.ndarray, has_gc_box: np.ndarray) -> np.ndarray:
    """Make the rows of one chrom, ordered by gene, then type, then position: RECORD (n,).

    As in Ensembl GTFs the stop codon belongs neither to CDS nor to the UTR. A promoter with a GC
    box is called tissue invariant, one without it tissue specific.
    """
    unit = np.arange(layout.n_units)
    coding_starts, coding_ends = layout.coding
    introns = layout.introns
    n_exons = (coding_ends > coding_starts).sum(axis=1)
    last = np.arange(MAX_EXONS) == n_exons[:, None] - 1
    exon_starts = coding_starts.copy()
    exon_starts[:, 0] = layout.gene[0]
    exon_ends = np.where(last, layout.gene[1][:, None], coding_ends)
    before = np.cumsum(coding_ends - coding_starts, axis=1) - (coding_ends - coding_starts)
    cds_ends = coding_ends - 3 * last

    exists = coding_ends > coding_starts
    spliced = introns[1] > introns[0]
    start_codon, stop_codon = layout.utr5[1], layout.utr3[0] - 3
    parts = [
        _rows("gene", unit, *layout.gene),
        _rows("transcript", unit, *layout.gene),
        _rows("exon", _where(exists), exon_starts[exists], exon_ends[exists]),
        _rows("CDS", _where(exists), coding_starts[exists], cds_ends[exists], -before[exists] % 3),
        _rows("intron", _where(spliced), introns[0][spliced], introns[1][spliced]),
        _rows("five_prime_utr", unit, *layout.utr5),
        _rows("start_codon", unit, start_codon, start_codon + 3),
        _rows("stop_codon", unit, stop_codon, stop_codon + 3),
        _rows("three_prime_utr", unit, *layout.utr3),
        _rows("polyA_signal", unit, polya, polya + biology.POLYA_BP),
    ]
    for name, chosen in zip(TYPES[:2], (~has_gc_box, has_gc_box), strict=True):
        starts, ends = layout.promoter
        parts.append(_rows(name, unit[chosen], starts[chosen], ends[chosen]))
    table = np.concatenate(parts)

    is_minus = layout.is_minus[table["gene"]]
    mirror = sum(layout.block)[table["gene"]]
    starts, ends = table["start"].copy(), table["end"].copy()
    table["start"] = np.where(is_minus, mirror - ends, starts)
    table["end"] = np.where(is_minus, mirror - starts, ends)
    table["is_plus"] = ~is_minus
    return table[np.lexsort((table["start"], table["type"], table["gene"]))]


def _where(exists: np.ndarray) -> np.ndarray:
    return np.nonzero(exists)[0]


def _rows(
    name: str, gene: np.ndarray, starts: np.ndarray, ends: np.ndarray, phase: np.ndarray | int = -1
) -> np.ndarray:
    rows = np.empty(len(gene), dtype=RECORD)
    rows["type"], rows["gene"] = TYPES.index(name), gene
    rows["start"], rows["end"], rows["phase"] = starts, ends, phase
    return rows
