"""Hard negatives of a scope: windows around peaks that are not its own.

Peaks of other targets in the same biotype are open, active places that this target passes by;
peaks of the same target in other biotypes hold its motif where this biotype keeps it closed.
Candidates ("a pool") are the distinct starts of such windows, sorted along all chroms laid end to
end. As windows are of one width, those that touch an interval are neighbours in the pool, so what
a scope must avoid is a few ranges of ranks, found by bisection.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np

from basewise.intervals import IntervalMap, complement, covered_bp, merge, subtract
from basewise.peaks.negatives.allowed import AllowedStarts
from basewise.peaks.negatives.seeds import draw_ranks
from basewise.peaks.negatives.source import PLACES, Peaks
from basewise.peaks.placing import check_widths, place_windows

SOURCES = ("other_targets", "other_biotypes", "all_peaks")
MAX_KEPT = 1 << 28  # window starts of pools kept in memory, 4 bytes each in most genomes


class Pools:
    """Windows around the peaks of a biotype, of a target, or of all, outside what all avoid.

    Pools of biotypes are kept for the scopes to come; of a target's, only the last one, so scopes
    had better come target by target.

    Args:
        peaks: All peaks.
        allowed: Where any window may start, before a scope's own peaks are considered.
        centre: See `place_windows`.
    """

    def __init__(self, peaks: Peaks, allowed: AllowedStarts, *, centre: str = "summit"):
        self._peaks = peaks
        self._allowed = allowed
        self._centre = centre
        self._kept: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self.offsets = np.append(0, np.cumsum(allowed.chrom_bp))  # of chroms laid end to end
        self._dtype = np.uint32 if self.offsets[-1] < 1 << 32 else np.int64

    def get(self, source: str, target: str, biotype: str) -> np.ndarray:
        """The pool of a source for a scope: sorted, distinct starts, (n,) uint32 or int64."""
        choices = {
            "other_targets": {"biotype": biotype},
            "other_biotypes": {"target": target},
            "all_peaks": {},
        }[source]
        key = tuple(choices.items())
        if key not in self._kept:
            for old in [old for old in self._kept if old[:1] and old[0][0] == "target"]:
                del self._kept[old]
            self._kept[key] = self._find(choices)
            while len(self._kept) > 2 and sum(map(len, self._kept.values())) > MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def barred(self, own: IntervalMap, margin_bp: int = 0) -> np.ndarray:
        """Starts of windows that touch a scope's own peaks, as intervals (n, 2) like the pools."""
        rows = [np.empty((0, 2), dtype=np.int64)]
        before = self._allowed.width_bp - 1 + margin_bp
        for chrom, offset, size in zip(
            self._allowed.chroms, self.offsets[:-1], self._allowed.chrom_bp, strict=True
        ):
            if len(own.get(chrom, ())):
                touching = own[chrom] + np.array([-before, margin_bp])
                rows.append(np.clip(touching, 0, size) + offset)
        return merge(np.concatenate(rows))

    def _find(self, choices: Mapping[str, str]) -> np.ndarray:
        allowed = self._allowed
        frame = self._peaks.read(**choices, columns=PLACES)
        code = {chrom: i for i, chrom in enumerate(allowed.chroms)}
        chrom = frame["chrom"].map(code).astype(float).fillna(-1).to_numpy().astype(np.int64)
        frame, chrom = frame[chrom >= 0], chrom[chrom >= 0]
        names = [allowed.chroms[i] for i in np.unique(chrom)]
        check_widths(names, dict(zip(allowed.chroms, allowed.chrom_bp, strict=True)), self.width_bp)
        starts = place_windows(
            *(frame[name].to_numpy() for name in PLACES[1:]),
            size_bp=allowed.chrom_bp[chrom],
            width_bp=self.width_bp,
            centre=self._centre,
        )
        starts = np.unique(starts + self.offsets[chrom])
        return starts[self._is_allowed(starts)].astype(self._dtype)

    @property
    def width_bp(self) -> int:
        return self._allowed.width_bp

    def _is_allowed(self, starts: np.ndarray) -> np.ndarray:
        allowed = self._allowed
        chrom_of_run = np.repeat(np.arange(len(allowed.chroms)), np.diff(allowed.chrom_runs))
        first = allowed.run_starts + self.offsets[:-1][chrom_of_run]
        end = first + np.diff(allowed.run_ranks)
        run = np.searchsorted(first, starts, side="right") - 1
        return (run >= 0) & (starts < np.append(end, 0)[run])

    def locate(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Chrom index and start (bp) of starts along all chroms."""
        chrom = np.searchsorted(self.offsets, starts, side="right") - 1
        return chrom, starts - self.offsets[chrom]


def draw_hard(
    pools: Sequence[np.ndarray],
    barred: np.ndarray,
    n: int,
    rng: np.random.Generator,
    *,
    replace: bool = False,
) -> np.ndarray:
    """Draw up to `n` windows, an equal part from each pool where it has them.

    What a pool cannot give, the others do. Without `replace` no window comes twice, not even one
    that lies in two pools; fewer than `n` come when there are not more.

    Args:
        pools: Sorted, distinct starts each.
        barred: Starts that may not be drawn, intervals (m, 2).
        n: How many.
        rng: From `derive_rng`.
        replace: Whether a window may come more than once.

    Returns:
        Sorted int64 (n or fewer,).
    """
    free = [_free_ranks(pool, barred) for pool in pools]
    drawn = np.empty(0, dtype=np.int64)
    quotas = [n * (i + 1) // len(pools) - n * i // len(pools) for i in range(len(pools))]
    for is_last in (False, True):
        for pool, ranks, quota in zip(pools, free, quotas, strict=True):
            if not replace:
                ranks = _without(ranks, pool, drawn)
            wanted = n - len(drawn) if is_last else quota
            room = covered_bp(ranks)
            wanted = wanted if replace and room else min(wanted, room)
            drawn = np.append(drawn, _draw_from(pool, ranks, wanted, rng, replace))
    return np.sort(drawn)


def _free_ranks(pool: np.ndarray, barred: np.ndarray) -> np.ndarray:
    """Which ranks of a pool lie outside the barred starts, as intervals (n, 2)."""
    return complement(np.searchsorted(pool, barred.astype(pool.dtype)), len(pool))


def _without(ranks: np.ndarray, pool: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Take the ranks of what was drawn already out of the free ones."""
    if not len(drawn) or not len(pool):
        return ranks
    at = np.searchsorted(pool, drawn.astype(pool.dtype))
    at = at[pool[np.minimum(at, len(pool) - 1)] == drawn]
    return subtract(ranks, np.column_stack((at, at + 1)))


def _draw_from(
    pool: np.ndarray, ranks: np.ndarray, n: int, rng: np.random.Generator, replace: bool
) -> np.ndarray:
    counts = np.append(0, np.cumsum(ranks[:, 1] - ranks[:, 0]))
    picks = draw_ranks(rng, int(counts[-1]), n, replace=replace)
    run = np.searchsorted(counts, picks, side="right") - 1
    return pool[np.append(ranks[:, 0], 0)[run] + picks - counts[run]].astype(np.int64)
