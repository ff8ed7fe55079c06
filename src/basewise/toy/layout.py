"""Where the parts of a toy chrom lie: gene units with promoter, exons, introns and UTRs.

A unit is intergenic sequence (perhaps with a gap) followed by a block: promoter, gene, downstream
element. Blocks are laid out in sense direction; those on the minus strand are flipped in place.
"""

from dataclasses import dataclass, replace

import numpy as np

from basewise.toy import biology

MAX_EXONS = 6

_N_SPACER = 3  # intergenic, gap, intergenic
_PROMOTER, _UTR5, _CODING = 3, 4, 5
_UTR3 = _CODING + 2 * MAX_EXONS - 1
_KINDS = np.array(
    [biology.INTERGENIC, biology.GAP, biology.INTERGENIC, biology.PROMOTER, biology.UTR5]
    + [biology.CODING]
    + [biology.INTRON, biology.CODING] * (MAX_EXONS - 1)
    + [biology.UTR3, biology.DOWNSTREAM],
    dtype=np.uint8,
)


@dataclass(frozen=True)
class Layout:
    """Parts of the units of one chrom in sense coordinates (bp, 0-based half-open).

    Attributes:
        starts, ends: int64 (n_units, n_parts); parts that a unit lacks are empty.
        is_minus: bool (n_units,): the block is flipped in place.
        size_bp: length of the chrom; what follows the last unit is intergenic.
    """

    starts: np.ndarray
    ends: np.ndarray
    is_minus: np.ndarray
    size_bp: int

    @property
    def n_units(self) -> int:
        return len(self.is_minus)

    @property
    def block(self) -> tuple[np.ndarray, np.ndarray]:
        """Start and end of each unit's promoter-to-downstream block."""
        return self.starts[:, _PROMOTER], self.ends[:, -1]

    @property
    def gene(self) -> tuple[np.ndarray, np.ndarray]:
        return self.starts[:, _UTR5], self.ends[:, _UTR3]

    @property
    def promoter(self) -> tuple[np.ndarray, np.ndarray]:
        return self.starts[:, _PROMOTER], self.ends[:, _PROMOTER]

    @property
    def utr5(self) -> tuple[np.ndarray, np.ndarray]:
        return self.starts[:, _UTR5], self.ends[:, _UTR5]

    @property
    def utr3(self) -> tuple[np.ndarray, np.ndarray]:
        return self.starts[:, _UTR3], self.ends[:, _UTR3]

    @property
    def coding(self) -> tuple[np.ndarray, np.ndarray]:
        """Coding part of every exon, (n_units, MAX_EXONS); empty where there is no such exon."""
        return self.starts[:, _CODING:_UTR3:2], self.ends[:, _CODING:_UTR3:2]

    @property
    def introns(self) -> tuple[np.ndarray, np.ndarray]:
        """Introns, (n_units, MAX_EXONS - 1); empty where there is no such intron."""
        return self.starts[:, _CODING + 1 : _UTR3 : 2], self.ends[:, _CODING + 1 : _UTR3 : 2]

    def resize(self, size_bp: int) -> "Layout":
        """Give the same units another chrom length."""
        return replace(self, size_bp=size_bp)

    def kinds(self) -> np.ndarray:
        """Kind of sequence of every base: uint8 (size_bp,)."""
        lengths = (self.ends - self.starts).ravel()
        tail = self.size_bp - int(lengths.sum())
        kinds = np.append(np.tile(_KINDS, self.n_units), np.uint8(biology.INTERGENIC))
        return np.repeat(kinds, np.append(lengths, tail))


def draw_layout(rng: np.random.Generator, size_bp: int, *, gap_fraction: float) -> Layout:
    """Draw as many units as fit in size_bp; a gap_fraction of them is preceded by a gap."""
    n = size_bp // 1500 + 4
    lengths = np.zeros((n, len(_KINDS)), dtype=np.int64)
    has_gap = rng.random(n) < gap_fraction
    lengths[:, 0] = rng.integers(200, 1200, n)
    lengths[:, 1] = np.where(has_gap, rng.integers(300, 1001, n), 0)
    lengths[:, 2] = np.where(has_gap, rng.integers(100, 600, n), 0)
    lengths[:, _PROMOTER] = rng.integers(120, 201, n)
    lengths[:, _UTR5] = rng.integers(40, 121, n)
    lengths[:, -1] = 20

    n_exons = rng.integers(2, MAX_EXONS + 1, n)[:, None]
    exon = np.arange(MAX_EXONS)
    coding = rng.integers(60, 301, (n, MAX_EXONS))
    coding[:, 0] = rng.integers(60, 181, n)
    last = exon == n_exons - 1
    coding = np.where(last, rng.integers(60, 181, (n, 1)), coding) * (exon < n_exons)
    utr3 = rng.integers(80, 121, n)
    surplus = coding.sum(axis=1) % 3  # the last exon's UTR takes what does not fill a codon
    lengths[:, _CODING:_UTR3:2] = coding - last * surplus[:, None]
    lengths[:, _UTR3] = utr3 + surplus
    intron = rng.integers(80, 401, (n, MAX_EXONS - 1)) * (exon[1:] < n_exons)
    lengths[:, _CODING + 1 : _UTR3 : 2] = intron
    is_minus = rng.random(n) < 0.5

    ends = np.cumsum(lengths.ravel()).reshape(lengths.shape)
    fits = ends[:, -1] + 100 <= size_bp
    ends, lengths = ends[fits], lengths[fits]
    return Layout(ends - lengths, ends, is_minus[fits], size_bp)
