"""Seam QC: do values jump more where two tiles meet than elsewhere?

A seam is the boundary between two touching cores of one region. |Δ| at a position is the absolute
difference of its value to that of the position before it, both scored; the interior is every
position that is no seam. Positions are bins: at 1 bp resolution, bases.
"""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

WINDOW = 1 << 16  # interior steps that are summed together, wherever calls cut them
FLANK_BINS = 100  # of the profile around seams
MIN_SEAMS = 30  # one seam at an exon's edge proves nothing
STANDARD_ERRORS = 3.0
NO_SEAMS, NOT_JUDGED, TOO_FEW = "no seams", "not judged", "too few seams to judge"
OK, ABOVE = "ok", "above tolerance"


def judge(n_seams: int, excess: float, standard_error: float, tolerance: float | None) -> str:
    """The verdict on a track: its excess at seams against the tolerance (value units).

    It takes `MIN_SEAMS` seams to judge at all, and an excess of more than three standard errors
    of their mean to say that it is above the tolerance.
    """
    if not n_seams:
        return NO_SEAMS
    if tolerance is None:
        return NOT_JUDGED
    if n_seams < MIN_SEAMS:
        return TOO_FEW
    if excess <= tolerance:
        return OK
    return ABOVE if excess > STANDARD_ERRORS * standard_error else TOO_FEW


def _profile() -> np.ndarray:
    return np.zeros(2 * FLANK_BINS + 1, dtype=np.float64)


@dataclass
class SeamStats:
    """Sums over seams and interior; they add.

    `profile_n` and `profile_sum` are float64 (201,): positions and their summed |Δ| at -100 ...
    100 bins around the seams.
    """

    n_seams: int = 0
    sum_seam: float = 0.0
    squares_seam: float = 0.0  # of |Δ|, summed
    max_seam: float = 0.0
    n_interior: int = 0
    sum_interior: float = 0.0
    profile_n: np.ndarray = field(default_factory=_profile)
    profile_sum: np.ndarray = field(default_factory=_profile)

    def __add__(self, other: "SeamStats") -> "SeamStats":
        return SeamStats(
            self.n_seams + other.n_seams,
            self.sum_seam + other.sum_seam,
            self.squares_seam + other.squares_seam,
            max(self.max_seam, other.max_seam),
            self.n_interior + other.n_interior,
            self.sum_interior + other.sum_interior,
            self.profile_n + other.profile_n,
            self.profile_sum + other.profile_sum,
        )

    @property
    def mean_seam(self) -> float:
        return self.sum_seam / self.n_seams if self.n_seams else float("nan")

    @property
    def mean_interior(self) -> float:
        return self.sum_interior / self.n_interior if self.n_interior else float("nan")

    @property
    def excess(self) -> float:
        """Mean |Δ| at seams minus that of the interior; 0 where one of them is missing."""
        return self.mean_seam - self.mean_interior if self.n_seams and self.n_interior else 0.0

    @property
    def standard_error(self) -> float:
        """Of `mean_seam`, whose seams count as independent; NaN with fewer than two."""
        if self.n_seams < 2:
            return float("nan")
        variance = max(self.squares_seam / self.n_seams - self.mean_seam**2, 0.0)
        return sqrt(variance / (self.n_seams - 1))

    def verdict(self, tolerance: float | None) -> str:
        """Whether `excess` stays within `tolerance` (value units); see `judge`."""
        return judge(self.n_seams, self.excess, self.standard_error, tolerance)


class SeamMeter:
    """Measures seams in a stream of values in genome order, in constant memory.

    The sums do not depend on how the values were cut into calls: interior steps are gathered in
    windows of a fixed length, seams are summed one by one.
    """

    def __init__(self):
        self.stats = SeamStats()
        self._chrom: str | None = None
        self._end = 0  # bp
        self._tail = np.empty(0, dtype=np.float32)  # the run's last bins
        self._tail_start = 0  # bins since the run's start
        self._waiting: list[int] = []  # seams, in bins since the run's start
        self._window = np.empty(WINDOW, dtype=np.float64)
        self._filled = 0

    def add(self, chrom: str, start: int, end: int, values: np.ndarray, seams: np.ndarray) -> None:
        """Append float32 values of the bins that cover [start, end) bp.

        Args:
            chrom, start, end: Where; touching the call before, or a new run begins.
            values: float32 (n,), n > 0.
            seams: Bins of `values` at which a core starts, ascending; 0 counts where the run goes
                on.
        """
        if chrom != self._chrom or start != self._end:
            self._end_run()
        begins = self._tail_start + len(self._tail)
        seams = np.asarray(seams, dtype=np.int64)
        seams = seams[seams > 0] if begins == 0 else seams
        self._waiting += (seams + begins).tolist()
        self._chrom, self._end = chrom, end
        for first in range(0, len(values), WINDOW):
            piece = values[first : first + WINDOW]
            here = seams[(seams >= first) & (seams < first + len(piece))] - first
            self._add_piece(piece, here)

    def finish(self) -> SeamStats:
        """End the last run and return the sums."""
        self._end_run()
        self._sum_window()
        return self.stats

    def _add_piece(self, values: np.ndarray, seams: np.ndarray) -> None:
        joined = np.concatenate((self._tail[-1:], values)).astype(np.float64)
        steps = np.abs(np.diff(joined))
        seams = seams - (len(steps) < len(values))  # a run's first value has no step
        for step in steps[seams].tolist():
            self.stats.sum_seam += step
            self.stats.squares_seam += step * step
            self.stats.max_seam = max(self.stats.max_seam, step)
        steps[seams] = 0.0
        self.stats.n_seams += len(seams)
        self.stats.n_interior += len(steps) - len(seams)
        self._gather(steps)
        self._tail = np.concatenate((self._tail, values))
        self._measure_profiles(self._tail_start + len(self._tail) - FLANK_BINS)

    def _gather(self, steps: np.ndarray) -> None:
        while len(steps):
            taken = steps[: WINDOW - self._filled]
            self._window[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            steps = steps[len(taken) :]
            if self._filled == WINDOW:
                self._sum_window()

    def _sum_window(self) -> None:
        self.stats.sum_interior += float(self._window[: self._filled].sum())
        self._filled = 0

    def _end_run(self) -> None:
        self._measure_profiles(self._tail_start + len(self._tail))
        self._tail, self._tail_start = np.empty(0, dtype=np.float32), 0
        self._chrom = None

    def _measure_profiles(self, limit: int) -> None:
        """Measure the waiting seams before `limit` (a bin) and forget what none needs any more."""
        while self._waiting and self._waiting[0] < limit:
            seam = self._waiting.pop(0) - self._tail_start
            first = max(seam - FLANK_BINS, 1)
            last = min(seam + FLANK_BINS + 1, len(self._tail))
            steps = np.abs(np.diff(self._tail[first - 1 : last].astype(np.float64)))
            offset = first - (seam - FLANK_BINS)
            self.stats.profile_n[offset : offset + len(steps)] += 1
            self.stats.profile_sum[offset : offset + len(steps)] += steps
        end = self._tail_start + len(self._tail)
        needed = self._waiting[0] if self._waiting else end
        drop = min(needed - FLANK_BINS - 1 - self._tail_start, len(self._tail) - 1)
        if drop > 0:
            self._tail = self._tail[drop:].copy()
            self._tail_start += drop
