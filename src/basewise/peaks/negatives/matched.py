"""Matched negatives: as many in every bin of GC (and repeats, distance to genes) as the peaks have.

The candidates are every `step`-th allowed start, counted along the ranks, so that stretches too
short for a grid of positions are not lost. Each gets the code of its bin once; then every bin's
quota is drawn among its candidates.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from basewise.errors import BasewiseError
from basewise.peaks.negatives.allowed import AllowedStarts
from basewise.peaks.negatives.composition import Composition
from basewise.peaks.negatives.seeds import draw_ranks, share_out

WHEN_SHORT = ("error", "nearest")
PIECE = 1 << 22  # candidates whose windows are looked at together


@dataclass(frozen=True)
class Match:
    """How matched negatives compare with what they were matched to, by joint bin.

    Attributes:
        target: Share of the peaks in each bin, float64 (bins,).
        drawn: Share of the negatives in each bin, float64 (bins,).
        room: Candidates in each bin, int64 (bins,).
    """

    target: np.ndarray
    drawn: np.ndarray
    room: np.ndarray

    @property
    def l1_distance(self) -> float:
        """Sum over the bins of the difference of shares: 0 alike, 2 nothing in common."""
        return float(np.abs(self.target - self.drawn).sum())


def draw_matched(
    allowed: AllowedStarts,
    target: np.ndarray,
    n: int,
    rng: np.random.Generator,
    *,
    composition: Composition,
    step: int = 16,
    replace: bool = False,
    when_short: str = "error",
) -> tuple[np.ndarray, Match]:
    """Draw `n` windows with the composition of the peaks.

    Args:
        allowed: Where windows may start.
        target: How many peaks lie in each joint bin, (bins,).
        n: How many negatives.
        rng: From `derive_rng`.
        composition: Puts windows into bins.
        step: One in so many allowed starts is a candidate, from a random first one.
        replace: Whether a window may come more than once.
        when_short: What to do with a bin that has too few candidates: "error", or "nearest",
            which takes the rest from the nearest bins.

    Returns:
        Sorted ranks of `allowed`, int64 (n,), and how well they match.

    Raises:
        BasewiseError: A bin has too few candidates, with the most negatives that match exactly;
            or all bins together have.
    """
    target = np.asarray(target, dtype=np.float64)
    if not target.sum():
        raise BasewiseError("there are no peaks to match negatives to")
    step = max(1, min(step, allowed.n_starts))
    first = int(rng.integers(step))
    codes = _candidate_codes(allowed, composition, first, step)
    room = np.bincount(codes, minlength=composition.n_codes + 1)[: composition.n_codes]
    has_room = np.where(room > 0, n, 0) if replace else room
    quotas = share_out(n, target)
    if np.any(quotas > has_room):
        if when_short == "error" or has_room.sum() < n:
            raise _too_few(n, target, quotas, room, allowed, composition)
        quotas = _move_to_nearest(quotas, has_room, composition.shape)
    chosen = [
        draw_ranks(rng, int(size), int(quota), replace=replace)
        for size, quota in zip(room, quotas, strict=True)
    ]
    bounds = np.append(0, np.cumsum(quotas))
    picks = np.empty(n, dtype=np.int64)
    _pick(codes, np.concatenate(chosen), bounds, picks)
    ranks = first + picks * step
    return ranks, Match(target / target.sum(), quotas / max(n, 1), room)


def _candidate_codes(
    allowed: AllowedStarts, composition: Composition, first: int, step: int
) -> np.ndarray:
    """The joint bin of every candidate, in rank order: uint16 (candidates,)."""
    if composition.n_codes >= 1 << 16:
        raise BasewiseError("too many bins to match", found=f"{composition.n_codes:,}")
    codes = np.empty(len(range(first, allowed.n_starts, step)), dtype=np.uint16)
    done = 0
    for chrom, low, high in zip(
        allowed.chroms, allowed.chrom_ranks[:-1], allowed.chrom_ranks[1:], strict=True
    ):
        low = first + -(-max(0, int(low) - first) // step) * step
        for begin in range(low, int(high), PIECE * step):
            ranks = np.arange(begin, min(begin + PIECE * step, int(high)), step)
            starts = allowed.locate(ranks)[1]
            codes[done : done + len(ranks)] = composition.codes(chrom, starts, allowed.width_bp)
            done += len(ranks)
    return codes


@njit(cache=True, nogil=True)
def _pick(codes, chosen, bounds, picks):
    """Indices of the chosen candidates; `chosen` counts within each bin, sorted bin by bin."""
    nexts = bounds[:-1].copy()
    seen = np.zeros(len(nexts), dtype=np.int64)
    n_picks = 0
    for i in range(len(codes)):
        code = codes[i]
        if code >= len(nexts):
            continue
        while nexts[code] < bounds[code + 1] and chosen[nexts[code]] == seen[code]:
            picks[n_picks] = i
            n_picks += 1
            nexts[code] += 1
        seen[code] += 1


def _move_to_nearest(quotas: np.ndarray, room: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Give what a bin cannot serve to the nearest bins (in steps, then in order) that can."""
    given = np.minimum(quotas, room)
    places = np.stack(np.unravel_index(np.arange(len(quotas)), shape))
    for code in np.flatnonzero(quotas > room):
        missing = int(quotas[code] - room[code])
        steps = np.abs(places - places[:, [code]]).sum(0)
        for other in np.argsort(steps, kind="stable"):
            taken = min(missing, int(room[other] - given[other]))
            given[other] += taken
            missing -= taken
            if not missing:
                break
    return given


def _too_few(
    n: int,
    target: np.ndarray,
    quotas: np.ndarray,
    room: np.ndarray,
    allowed: AllowedStarts,
    composition: Composition,
) -> BasewiseError:
    short = np.flatnonzero(quotas > room)
    if room.sum() < n:
        return BasewiseError(
            f"{n:,} matched negatives of {allowed.width_bp:,} bp do not fit",
            found=f"{int(room.sum()):,} candidates in all",
            hint="Ask for fewer, avoid less, or take every start as a candidate (step 1)",
        )
    if not len(short):  # drawn with replacement, from a bin that has none
        short = np.flatnonzero((quotas > 0) & (room == 0))
    worst = short[np.argmin(room[short] / quotas[short])]
    wanted = target > 0
    most = int(np.min(room[wanted] / (target[wanted] / target.sum())))
    return BasewiseError(
        f"{n:,} negatives that match the peaks do not fit: {len(short)} of "
        f"{int(wanted.sum())} bins are short, worst {composition.describe(int(worst))}",
        found=f"{room[worst]:,} candidates for {quotas[worst]:,} there",
        hint=f"About {most:,} match exactly; or set when_short to nearest, use fewer bins, "
        "or avoid less",
    )
