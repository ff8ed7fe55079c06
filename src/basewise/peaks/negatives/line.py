"""Chroms laid end to end on a line, so that one sorted array holds places on all of them.

Between chroms lies a gap, as wide as windows must stay away from what they avoid: an interval
widened by that much, or to the left by a window, then bars nothing of a neighbouring chrom.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from basewise.peaks.negatives.allowed import AllowedStarts


@dataclass(frozen=True)
class Line:
    """Where each chrom begins on the line.

    Attributes:
        chroms: Names, in order.
        chrom_bp: Their lengths, int64 (chroms,).
        gap_bp: What lies between two of them.
    """

    chroms: tuple[str, ...]
    chrom_bp: np.ndarray
    gap_bp: int = 0

    def __post_init__(self):
        offsets = np.append(0, np.cumsum(self.chrom_bp + self.gap_bp, dtype=np.int64))
        object.__setattr__(self, "offsets", offsets)

    @property
    def end(self) -> int:
        """The first place past the line."""
        return int(self.offsets[-1])

    @property
    def dtype(self) -> np.dtype:
        """The narrowest type that holds all places and the line's end: 4 bytes in most genomes."""
        return np.dtype(np.uint32 if self.end < 1 << 32 else np.int64)

    def locate(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chrom index and bp of places; int64 (n,) → two int64 (n,)."""
        chrom = np.searchsorted(self.offsets, places, side="right") - 1
        return chrom, places - self.offsets[chrom]


class Candidates(Protocol):
    """Distinct starts of windows, as places on a line, in order."""

    def __len__(self) -> int: ...

    def count_below(self, places: np.ndarray) -> np.ndarray:
        """How many candidates lie before each place; int64 (n,) → int64 (n,)."""

    def at(self, ranks: np.ndarray) -> np.ndarray:
        """The places of candidates by their rank; int64 (n,) → int64 (n,)."""


class Anywhere:
    """Every allowed start is a candidate."""

    def __init__(self, allowed: AllowedStarts, line: Line):
        chrom = np.repeat(np.arange(len(allowed.chroms)), np.diff(allowed.chrom_runs))
        # a run of nothing comes first, so that every place lies past the start of a run
        self._firsts = np.append(-1, allowed.run_starts + line.offsets[:-1][chrom])
        self._ranks = np.append(0, allowed.run_ranks)

    def __len__(self) -> int:
        return int(self._ranks[-1])

    def count_below(self, places: np.ndarray) -> np.ndarray:
        run = np.searchsorted(self._firsts, places, side="right") - 1
        return np.minimum(self._ranks[run] + places - self._firsts[run], self._ranks[run + 1])

    def at(self, ranks: np.ndarray) -> np.ndarray:
        run = np.searchsorted(self._ranks, ranks, side="right") - 1
        return self._firsts[run] + ranks - self._ranks[run]

    def holds(self, places: np.ndarray) -> np.ndarray:
        """Which places are allowed starts: bool (n,)."""
        run = np.searchsorted(self._firsts, places, side="right") - 1
        return places - self._firsts[run] < self._ranks[run + 1] - self._ranks[run]


class Pool:
    """Candidates that are listed: sorted, distinct places, (n,) of the line's type."""

    def __init__(self, places: np.ndarray):
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def count_below(self, places: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._places, places.astype(self._places.dtype))

    def at(self, ranks: np.ndarray) -> np.ndarray:
        return self._places[ranks].astype(np.int64)
