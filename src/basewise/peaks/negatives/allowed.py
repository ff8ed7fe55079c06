"""Where a window of one width may start so that it touches nothing it must avoid.

A start is forbidden by an interval when the window would share a base with it, so every interval
is widened to the left by the width less one; with the last bases of the chrom, that is the
complement of the allowed starts. Starts are numbered from 0 along the chroms ("ranks"), and a
uniform number is a uniform window, however little of the genome is left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap, complement, merge


@dataclass(frozen=True)
class AllowedStarts:
    """Runs of allowed starts, chrom after chrom.

    Attributes:
        chroms: Names, in the order of the ranks.
        chrom_bp: Their lengths, int64 (chroms,).
        width_bp: Width of the windows.
        run_starts: First start of each run, int64 (runs,) bp.
        run_ranks: Rank of each run's first start and, last, their number: int64 (runs + 1,).
        chrom_runs: Index of each chrom's first run and, last, their number: int64 (chroms + 1,).
    """

    chroms: tuple[str, ...]
    chrom_bp: np.ndarray
    width_bp: int
    run_starts: np.ndarray
    run_ranks: np.ndarray
    chrom_runs: np.ndarray

    @property
    def n_starts(self) -> int:
        """How many windows there are to choose from."""
        return int(self.run_ranks[-1])

    @property
    def chrom_ranks(self) -> np.ndarray:
        """Rank of each chrom's first start and, last, their number: int64 (chroms + 1,)."""
        return self.run_ranks[self.chrom_runs]

    def locate(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chrom index and start (bp) of each rank; int64 (n,) → two int64 (n,)."""
        runs = np.searchsorted(self.run_ranks, ranks, side="right") - 1
        starts = (self.run_starts - self.run_ranks[:-1])[runs] + ranks
        return np.repeat(np.arange(len(self.chroms)), np.diff(self.chrom_runs))[runs], starts


def find_allowed_starts(
    chromsizes: Mapping[str, int],
    avoid: Iterable[IntervalMap],
    width_bp: int,
    *,
    chroms: Sequence[str] | None = None,
    margin_bp: int = 0,
) -> AllowedStarts:
    """Find every start of a window that lies in its chrom and shares no base with `avoid`.

    Args:
        chromsizes: Chrom lengths in bp.
        avoid: Maps of chrom → int64 (n, 2) intervals, of any order and overlap.
        width_bp: Width of the window, 1 or more.
        chroms: The chroms wanted, in order; all of chromsizes when None.
        margin_bp: Windows also stay this many bp away from every interval.

    Raises:
        BasewiseError: A width below 1, or a chrom that the genome lacks.
    """
    if width_bp < 1:
        raise BasewiseError("width_bp must be 1 or more", found=width_bp)
    chosen = tuple(chromsizes if chroms is None else chroms)
    for chrom in chosen:
        if chrom not in chromsizes:
            raise BasewiseError(f"the genome has no chrom {chrom!r}")
    maps = list(avoid)
    runs = []
    for chrom in chosen:
        given = [intervals[chrom] for intervals in maps if len(intervals.get(chrom, ()))]
        runs.append(_allowed_runs(given, chromsizes[chrom], width_bp, margin_bp))
    counts = [len(rows) for rows in runs]
    joined = np.concatenate([np.empty((0, 2), dtype=np.int64), *runs])
    return AllowedStarts(
        chosen,
        np.array([chromsizes[chrom] for chrom in chosen], dtype=np.int64),
        int(width_bp),
        np.ascontiguousarray(joined[:, 0]),
        np.append(0, np.cumsum(joined[:, 1] - joined[:, 0])),
        np.append(0, np.cumsum(counts, dtype=np.int64)),
    )


def _allowed_runs(
    avoid: Sequence[np.ndarray], size_bp: int, width_bp: int, margin_bp: int
) -> np.ndarray:
    """Runs of allowed starts on a chrom, as intervals (n, 2) of starts."""
    n_starts = size_bp - width_bp + 1
    if n_starts <= 0:
        return np.empty((0, 2), dtype=np.int64)
    if not avoid:
        return np.array([[0, n_starts]], dtype=np.int64)
    barred = merge(np.concatenate(avoid) if len(avoid) > 1 else avoid[0])
    barred = barred + np.array([1 - width_bp - margin_bp, margin_bp])
    return complement(barred, n_starts)
