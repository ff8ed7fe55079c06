"""Seam QC: do values jump more where two tiles meet than elsewhere?

A seam is the boundary between two touching cores of one region. |Δ| at a position is the absolute
difference of its value to that of the position before it, both scored; the interior is every
position that is no seam. Positions are bins: at 1 bp resolution, bases.
"""

from dataclasses import dataclass, field

import numba
import numpy as np

FLANK_BINS = 100  # of the profile around seams
NO_SEAMS, NOT_JUDGED, OK, ABOVE = "no seams", "not judged", "ok", "above tolerance"


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
    max_seam: float = 0.0
    n_interior: int = 0
    sum_interior: float = 0.0
    profile_n: np.ndarray = field(default_factory=_profile)
    profile_sum: np.ndarray = field(default_factory=_profile)

    def __add__(self, other: "SeamStats") -> "SeamStats":
        return SeamStats(
            self.n_seams + other.n_seams,
            self.sum_seam + other.sum_seam,
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

    def verdict(self, tolerance: float | None) -> str:
        """Whether `excess` stays within `tolerance` (value units)."""
        if not self.n_seams:
            return NO_SEAMS
        if tolerance is None:
            return NOT_JUDGED
        return ABOVE if self.excess > tolerance else OK


class SeamMeter:
    """Measures seams in a stream of values in genome order, in constant memory.

    The sums run base by base, so they do not depend on how the values were cut into calls.
    """

    def __init__(self):
        self.stats = SeamStats()
        self._chrom: str | None = None
        self._end = 0  # bp
        self._tail = np.empty(0, dtype=np.float32)  # the run's last bins
        self._tail_start = 0  # bins since the run's start
        self._waiting: list[int] = []  # seams, in bins since the run's start

    def add(self, chrom: str, start: int, end: int, values: np.ndarray, seams: np.ndarray) -> None:
        """Append float32 values of the bins that cover [start, end) bp.

        Args:
            chrom, start, end: Where; touching the call before, or a new run begins.
            values: float32 (n,).
            seams: Bins of `values` at which a core starts, ascending; 0 counts where the run goes
                on.
        """
        if chrom != self._chrom or start != self._end:
            self._end_run()
        is_first = not len(self._tail)
        seams = seams[seams > 0] if is_first else seams
        previous = values[0] if is_first else self._tail[-1]
        stats = self.stats
        sums = np.array([stats.sum_interior, stats.sum_seam, stats.max_seam])
        _fold_steps(values, previous, np.asarray(seams, dtype=np.int64), sums)
        stats.sum_interior, stats.sum_seam, stats.max_seam = sums.tolist()
        stats.n_seams += len(seams)
        stats.n_interior += len(values) - is_first - len(seams)

        begins = self._tail_start + len(self._tail)
        self._tail = np.concatenate((self._tail, values))
        self._waiting += (seams + begins).tolist()
        self._chrom, self._end = chrom, end
        self._measure_profiles(begins + len(values) - FLANK_BINS)

    def finish(self) -> SeamStats:
        """End the last run and return the sums."""
        self._end_run()
        return self.stats

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


@numba.njit(nogil=True, cache=True)
def _fold_steps(values, previous, seams, sums):
    """Add |Δ| of each value to `sums`: interior sum, seam sum, seam maximum."""
    interior, at_seams, highest = sums[0], sums[1], sums[2]
    before = np.float64(previous)
    seam = 0
    next_seam = seams[0] if len(seams) else len(values)
    for index in range(len(values)):
        value = np.float64(values[index])
        step = abs(value - before)
        if index == next_seam:
            at_seams += step
            highest = max(highest, step)
            seam += 1
            next_seam = seams[seam] if seam < len(seams) else len(values)
        else:
            interior += step
        before = value
    sums[0], sums[1], sums[2] = interior, at_seams, highest
