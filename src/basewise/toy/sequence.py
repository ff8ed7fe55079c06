"""The bases of a toy chrom: composition, codons and motifs laid on a layout, then flaws added."""

import numpy as np

from basewise.toy import biology
from basewise.toy.layout import Layout

_IUPAC = np.frombuffer(b"RYSWKM", dtype=np.uint8)


def draw_sequence(
    rng: np.random.Generator, layout: Layout, *, consensus: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the bases of a layout.

    Returns:
        bases: uint8 (size_bp,) of ASCII ``ACGTN`` on the plus strand.
        polya: int64 (n_units,) start of the polyA signal, in sense coordinates.
        has_gc_box: bool (n_units,) whether the promoter has a GC box.
    """
    kinds = layout.kinds()
    random = np.frombuffer(rng.bytes(layout.size_bp), dtype=np.uint8)
    sense = biology.BASE_OF_BYTE.ravel().take((kinds.astype(np.uint16) << 8) | random)
    coding_at = np.flatnonzero(kinds == biology.CODING)
    codons = _draw_codons(rng, len(coding_at) // 3)
    sense[coding_at] = codons
    has_gc_box = _write_promoters(rng, sense, layout, consensus)
    _write_splice_sites(rng, sense, layout, consensus)
    polya = _write_polya(rng, sense, layout)
    _write_reading_frames(rng, sense, layout, coding_at)

    for start, end in zip(*(edge[layout.is_minus] for edge in layout.block), strict=True):
        sense[start:end] = 3 - sense[start:end][::-1]  # T G C A are 3 - A C G T
    bases = biology.ACGT.take(sense)
    bases[kinds == biology.GAP] = ord("N")
    return bases, polya, has_gc_box


def _draw_codons(rng: np.random.Generator, n: int) -> np.ndarray:
    random = np.frombuffer(rng.bytes(2 * n), dtype=np.uint16)
    return biology.SENSE_CODONS[biology.CODON_OF_UINT16[random]].ravel()


def _write(sense: np.ndarray, at: np.ndarray, motif: np.ndarray) -> None:
    sense[at[:, None] + np.arange(motif.shape[1])] = motif


def _write_promoters(
    rng: np.random.Generator, sense: np.ndarray, layout: Layout, consensus: float
) -> np.ndarray:
    tss, n = layout.gene[0], layout.n_units
    tata = tss - 31 + rng.integers(-2, 3, n)
    _write(sense, tata, biology.draw_motif(rng, biology.TATA_BOX, n, consensus))
    has_gc_box = rng.random(n) < 0.7
    gc_box = tss[has_gc_box] - rng.integers(60, 101, n)[has_gc_box]
    _write(sense, gc_box, biology.draw_motif(rng, biology.GC_BOX, len(gc_box), consensus))
    initiator = biology.draw_motif(rng, biology.INITIATOR, n, consensus)
    _write(sense, tss + biology.INITIATOR_OFFSET, initiator)
    return has_gc_box


def _write_splice_sites(
    rng: np.random.Generator, sense: np.ndarray, layout: Layout, consensus: float
) -> None:
    starts, ends = layout.introns
    exists = ends > starts
    starts, ends = starts[exists], ends[exists]
    n = len(starts)
    branch = ends - rng.integers(28, 41, n)
    _write(sense, branch, biology.draw_motif(rng, biology.BRANCH_POINT, n, consensus))
    donor = biology.draw_motif(rng, biology.DONOR, n, consensus)
    _write(sense, starts + biology.DONOR_OFFSET, donor)
    acceptor = biology.draw_motif(rng, biology.ACCEPTOR, n, consensus)
    _write(sense, ends + biology.ACCEPTOR_OFFSET, acceptor)


def _write_polya(rng: np.random.Generator, sense: np.ndarray, layout: Layout) -> np.ndarray:
    ends = layout.utr3[1]
    polya = ends - biology.POLYA_BP - rng.integers(15, 26, len(ends))
    variants = np.array([["ACGT".index(base) for base in v] for v in biology.POLYA_VARIANTS])
    which = rng.choice(len(variants), len(ends), p=biology.POLYA_USAGE)
    _write(sense, polya, variants[which].astype(np.uint8))
    return polya


def _write_reading_frames(
    rng: np.random.Generator, sense: np.ndarray, layout: Layout, coding_at: np.ndarray
) -> None:
    """Mend in-frame stops that splice motifs made, then write start and stop codons."""
    codons = sense[coding_at].reshape(-1, 3)
    is_stop = (codons[:, None, :] == biology.STOP_CODONS).all(axis=2).any(axis=1)
    # The T of a stop is never a splice motif's consensus base; CAA, CAG and CGA are sense codons.
    sense[coding_at.reshape(-1, 3)[is_stop, 0]] = 1
    starts, ends = layout.utr5[1], layout.utr3[0]
    kozak = biology.draw_motif(rng, biology.KOZAK + "atg", layout.n_units, 0.8)
    _write(sense, starts + biology.KOZAK_OFFSET, kozak)
    which = rng.choice(len(biology.STOP_CODONS), layout.n_units, p=biology.STOP_USAGE)
    _write(sense, ends - 3, biology.STOP_CODONS[which])


def add_ambiguity(rng: np.random.Generator, bases: np.ndarray) -> None:
    """Overwrite, in place, a few short runs with N and a few single bases with IUPAC codes."""
    n_runs = max(1, len(bases) // 40_000) if len(bases) >= 5_000 else 0
    for start, length in _draw_runs(rng, len(bases), n_runs, 1, 21):
        bases[start : start + length] = ord("N")
    at = rng.integers(0, max(1, len(bases)), n_runs)
    bases[at] = rng.choice(_IUPAC, n_runs)


def add_soft_mask(rng: np.random.Generator, bases: np.ndarray) -> None:
    """Turn, in place, runs of about a tenth of the bases to lower case."""
    for start, length in _draw_runs(rng, len(bases), len(bases) // 3_000, 50, 501):
        bases[start : start + length] |= 0x20


def _draw_runs(
    rng: np.random.Generator, size_bp: int, n: int, low_bp: int, high_bp: int
) -> list[tuple[int, int]]:
    starts = rng.integers(0, max(1, size_bp), n)
    return list(zip(starts.tolist(), rng.integers(low_bp, high_bp, n).tolist(), strict=True))
