"""What windows are like: share of G and C, of soft-masked repeats, distance to a gene's start.

Bases are counted with one pass along the chrom for all windows of one width, sorted by start, so
the cost grows with the chrom and the number of windows, not with their width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from basewise.errors import BasewiseError, nearest
from basewise.genome import Genome, Sequences

FEATURES = ("gc", "repeats", "tss")
TSS_EDGES_BP = (250, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000)

IS_GC = np.isin(np.arange(256), list(b"GCgc"))
IS_BASE = np.isin(np.arange(256), list(b"ACGTacgt"))
_IS_TRUE = np.arange(256) > 0


@njit(cache=True, nogil=True)
def _count(codes, is_counted, starts, width_bp, counts):
    low, high, n = 0, 0, 0
    for i in range(len(starts)):
        start = starts[i]
        if start >= high:
            low, high, n = start, start, 0
        while high < start + width_bp:
            n += is_counted[codes[high]]
            high += 1
        while low < start:
            n -= is_counted[codes[low]]
            low += 1
        counts[i] = n


def count_in_windows(
    codes: np.ndarray, is_counted: np.ndarray, starts: np.ndarray, width_bp: int
) -> np.ndarray:
    """Count the codes of a kind in every window of a chrom.

    Args:
        codes: uint8 (size,), as ASCII bases.
        is_counted: bool (256,), whether a code counts.
        starts: int64 (n,) sorted, windows inside the chrom.
        width_bp: Their width.

    Returns:
        int32 (n,).
    """
    counts = np.empty(len(starts), dtype=np.int32)
    _count(codes, is_counted.astype(np.uint8), starts, width_bp, counts)
    return counts


@dataclass(frozen=True)
class Composition:
    """Puts windows into bins of the features to be matched, all at once: a code per window.

    Attributes:
        features: Of FEATURES, those that are matched.
        sequences: The genome; soft-masked repeats need one on disk.
        tss: chrom → sorted int64 (n,) positions of gene starts, for "tss".
        gc_bins: Equal bins of the share of G and C among A, C, G and T.
        repeat_bins: Equal bins of the share of soft-masked bases.
        tss_edges_bp: Bounds of the bins of the distance from the window's middle.
    """

    features: tuple[str, ...]
    sequences: Sequences | None = None
    tss: Mapping[str, np.ndarray] = field(default_factory=dict)
    gc_bins: int = 20
    repeat_bins: int = 5
    tss_edges_bp: Sequence[int] = TSS_EDGES_BP

    def __post_init__(self):
        if not self.features:
            raise BasewiseError("match names no feature", hint=nearest("gc", FEATURES))
        for name in self.features:
            if name not in FEATURES:
                raise BasewiseError(
                    f"match names an unknown feature {name!r}", hint=nearest(name, FEATURES)
                )
        if {"gc", "repeats"} & set(self.features) and self.sequences is None:
            raise BasewiseError(f"matching {', '.join(self.features)} needs the genome")
        if "repeats" in self.features and not isinstance(self.sequences, Genome):
            raise BasewiseError("matching repeats needs the soft-masked FASTA of the genome")
        if "tss" in self.features and not any(len(starts) for starts in self.tss.values()):
            raise BasewiseError(
                "matching the distance to gene starts (tss) needs an annotation with genes"
            )
        if not (1 <= self.gc_bins <= 100 and 1 <= self.repeat_bins <= 20):
            raise BasewiseError(
                "gc_bins must be 1 to 100 and repeat_bins 1 to 20",
                found=f"{self.gc_bins} and {self.repeat_bins}",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins per feature; a code is an index into such an array, flattened."""
        sizes = {"gc": self.gc_bins, "repeats": self.repeat_bins, "tss": len(self.tss_edges_bp) + 1}
        return tuple(sizes[name] for name in self.features)

    @property
    def n_codes(self) -> int:
        """The number of joint bins; this number itself is the code of a window without bases."""
        return int(np.prod(self.shape))

    def codes(self, chrom: str, starts: np.ndarray, width_bp: int) -> np.ndarray:
        """The joint bin of every window of a chrom: sorted int64 (n,) starts → int32 (n,).

        Memory holds the bases from the first window to the last, and some 40 bytes a window.
        """
        find: dict[str, Callable] = {
            "gc": self._gc_bin,
            "repeats": self._repeat_bin,
            "tss": self._tss_bin,
        }
        starts = np.ascontiguousarray(starts, dtype=np.int64)
        codes = np.zeros(len(starts), dtype=np.int32)
        if not len(starts):
            return codes
        is_void = np.zeros(len(starts), dtype=bool)
        for name, size in zip(self.features, self.shape, strict=True):
            bins = find[name](chrom, starts, width_bp)
            is_void |= bins < 0
            codes = codes * size + bins
        codes[is_void] = self.n_codes
        return codes

    def describe(self, code: int) -> str:
        """A joint bin in words."""
        bins = np.unravel_index(code, self.shape)
        return ", ".join(
            self._words(name, int(number)) for name, number in zip(self.features, bins, strict=True)
        )

    def _words(self, name: str, number: int) -> str:
        if name == "tss":
            edges = [0, *self.tss_edges_bp, "…"]
            return f"{edges[number]} to {edges[number + 1]} bp to a gene start"
        size = self.gc_bins if name == "gc" else self.repeat_bins
        share = "GC" if name == "gc" else "repeats"
        return f"{share} {number / size:.2f} to {(number + 1) / size:.2f}"

    def _gc_bin(self, chrom: str, starts: np.ndarray, width_bp: int) -> np.ndarray:
        bases = self.sequences.read(chrom, int(starts[0]), int(starts[-1]) + width_bp)
        starts = starts - starts[0]
        n_gc = count_in_windows(bases, IS_GC, starts, width_bp).astype(np.int64)
        n_bases = count_in_windows(bases, IS_BASE, starts, width_bp)
        bins = np.minimum(n_gc * self.gc_bins // np.maximum(n_bases, 1), self.gc_bins - 1)
        return np.where(n_bases > 0, bins, -1)

    def _repeat_bin(self, chrom: str, starts: np.ndarray, width_bp: int) -> np.ndarray:
        mask = self.sequences.soft_mask(chrom, int(starts[0]), int(starts[-1]) + width_bp)
        n = count_in_windows(mask.view(np.uint8), _IS_TRUE, starts - starts[0], width_bp)
        n = n.astype(np.int64)
        return np.minimum(n * self.repeat_bins // width_bp, self.repeat_bins - 1)

    def _tss_bin(self, chrom: str, starts: np.ndarray, width_bp: int) -> np.ndarray:
        places = np.asarray(self.tss.get(chrom, ()), dtype=np.int64)
        if not len(places):
            return np.full(len(starts), len(self.tss_edges_bp))
        middles = starts + width_bp // 2
        after = np.searchsorted(places, middles)
        to_next = np.abs(places[np.minimum(after, len(places) - 1)] - middles)
        to_last = np.abs(places[np.maximum(after - 1, 0)] - middles)
        distance = np.minimum(to_next, to_last)
        return np.searchsorted(np.asarray(self.tss_edges_bp), distance, side="right")
