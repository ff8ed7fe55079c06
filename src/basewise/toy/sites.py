"""Binding sites on toy genomes: three factors with degenerate motifs, and decoys that none binds.

A site is wherever a motif scores enough, on either strand. Most are planted, in intergenic
sequence, upstream parts of promoters and the middle of introns, with a stream of random numbers of
their own: annotation and all other bases stay what they are. Decoys differ from a motif in two or
three bases. Positions are bp, 0-based half-open.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from basewise.tokenizers import one_hot_codes
from basewise.toy import biology
from basewise.toy.annotation import TYPES

CONSENSUS = 0.94  # probability that a base of a site is not redrawn at random
SITE_BITS, DECOY_BITS = 6.5, (8.0, 20.0)  # below the best score: at most; at least and at most
SITES_PER_BP = 1 / 4_000  # of each factor
DECOYS_PER_BP = 1 / 8_000
APART_BP, EDGE_BP = 160, 200
STREAM = 5
PROMOTER_KEPT_BP, DONOR_KEPT_BP, ACCEPTOR_KEPT_BP, DOWNSTREAM_KEPT_BP = 115, 12, 60, 25
BASES = "ACGT"
UPPER = np.uint8(0xDF)  # bits of ASCII letters without that of lower case


class ToySite(NamedTuple):
    """A place that a factor binds."""

    chrom: str
    start: int
    end: int
    factor: str
    strand: str


@dataclass(frozen=True)
class Motif:
    """What a factor binds: letters as in `biology`, as a position weight matrix."""

    letters: str

    @property
    def probabilities(self) -> np.ndarray:
        """Of A, C, G and T at each position: float64 (length, 4)."""
        choices = [biology.CHOICES.get(letter, letter) for letter in self.letters]
        even = np.array([[(base in those) / len(those) for base in BASES] for those in choices])
        return CONSENSUS * even + (1 - CONSENSUS) / len(BASES)

    @property
    def bits(self) -> np.ndarray:
        """Log odds against even bases: float64 (length, 4)."""
        return np.log2(self.probabilities * len(BASES))

    def score(self, codes: np.ndarray) -> np.ndarray:
        """Return how far below the best score each start is: float64 (size - length + 1,).

        Args:
            codes: indices into ACGT, 4 for anything else, which no motif has.
        """
        length = len(self.letters)
        if len(codes) < length:
            return np.empty(0)
        table = np.pad(self.bits, ((0, 0), (0, 1)), constant_values=-np.inf)
        n = len(codes) - length + 1
        total = np.zeros(n)
        for place, column in enumerate(table):
            total += column[codes[place : place + n]]
        return self.bits.max(axis=1).sum() - total

    def draw(self, rng: np.random.Generator, bits: tuple[float, float]) -> np.ndarray:
        """Draw a copy so many bits below the best score, at least and at most: uint8 (length,)."""
        consensus = CONSENSUS if bits[0] == 0 else 0.7
        while True:
            for copy in biology.draw_motif(rng, self.letters, 16, consensus):
                if bits[0] <= self.score(copy)[0] <= bits[1]:
                    return copy


MOTIFS = {
    "TOYA": Motif("GRTGACTCATKCW"),
    "TOYB": Motif("CCRGAAGTGGYAW"),
    "TOYC": Motif("TWGCACGYAAACR"),
}


def plant_sites(
    sequences: Mapping[str, np.ndarray], tables: Mapping[str, np.ndarray], seed: int
) -> tuple[dict[str, np.ndarray], tuple[ToySite, ...]]:
    """Return sequences with sites and decoys written into them, and all sites by position.

    Args:
        sequences: chrom -> uint8 (size,) of ASCII; lower case stays lower.
        tables: chrom -> the annotation, RECORD (n,).
        seed: the genome's.
    """
    planted, sites = {}, []
    for rank, (chrom, bases) in enumerate(sequences.items()):
        rng = np.random.default_rng([seed, rank, STREAM])
        planted[chrom] = _plant(rng, bases, find_room(bases, tables[chrom]))
        sites += find_sites(chrom, planted[chrom])
    return planted, tuple(sites)


def find_sites(chrom: str, bases: np.ndarray) -> list[ToySite]:
    """Return every site of a chrom by start; of overlapping ones of a factor the first."""
    codes = encode(bases)
    sites = []
    for factor, motif in MOTIFS.items():
        length = len(motif.letters)
        forward = motif.score(codes)
        # the other strand, at the same starts
        backward = motif.score(_complement(codes)[::-1])[::-1]
        below = np.minimum(forward, backward)
        last = -length
        for start in np.flatnonzero(below <= SITE_BITS).tolist():
            if start - last >= length:
                strand = "+" if forward[start] <= backward[start] else "-"
                sites.append(ToySite(chrom, start, start + length, factor, strand))
                last = start
    return sorted(sites)


def find_room(bases: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return where sites may be planted: bool (size,)."""
    room = encode(bases) < len(BASES)
    room[:EDGE_BP] = False
    room[max(0, len(room) - EDGE_BP) :] = False
    kinds = {name: table[table["type"] == TYPES.index(name)] for name in TYPES}
    for row in kinds["gene"]:
        before, behind = PROMOTER_KEPT_BP, DOWNSTREAM_KEPT_BP
        before, behind = (before, behind) if row["is_plus"] else (behind, before)
        room[max(0, row["start"] - before) : row["end"] + behind] = False
    for row in kinds["intron"]:
        first, last = DONOR_KEPT_BP, ACCEPTOR_KEPT_BP
        first, last = (first, last) if row["is_plus"] else (last, first)
        inner = slice(row["start"] + first, max(row["start"] + first, row["end"] - last))
        room[inner] = encode(bases[inner]) < len(BASES)
    return room


def encode(bases: np.ndarray) -> np.ndarray:
    """Return ASCII bases of either case as indices into ACGT, 4 for anything else: uint8."""
    return one_hot_codes(bases & UPPER)


def _plant(rng: np.random.Generator, bases: np.ndarray, room: np.ndarray) -> np.ndarray:
    bases = bases.copy()
    wanted = list(_draw_copies(rng, len(bases)))
    longest = max((len(copy) for copy in wanted), default=1)
    free = np.convolve(~room, np.ones(longest), "full")[longest - 1 :] == 0
    for copy in wanted:
        starts = np.flatnonzero(free)
        if not len(starts):
            break
        start = int(rng.choice(starts))
        is_lower = bases[start : start + len(copy)] & 0x20
        bases[start : start + len(copy)] = biology.ACGT[copy] | is_lower
        free[max(0, start - APART_BP) : start + APART_BP] = False
    return bases


def _draw_copies(rng: np.random.Generator, size_bp: int) -> Iterator[np.ndarray]:
    for per_bp, bits in ((SITES_PER_BP, (0.0, SITE_BITS)), (DECOYS_PER_BP, DECOY_BITS)):
        for motif in MOTIFS.values():
            for _ in range(int(size_bp * per_bp)):
                copy = motif.draw(rng, bits)
                yield _complement(copy)[::-1] if rng.random() < 0.5 else copy


def _complement(codes: np.ndarray) -> np.ndarray:
    return np.where(codes < len(BASES), 3 - codes, codes).astype(np.uint8)
