"""Exact draws among candidates that are not barred, whatever share of them is left.

Barred places are a few intervals, and candidates are in order, so what is barred is a few ranges
of ranks, found by bisection: a scope costs what its own peaks do, not what there is to draw from.
"""

from collections.abc import Sequence

import numpy as np

from basewise.peaks.negatives.line import Candidates
from basewise.peaks.negatives.seeds import draw_ranks


class Free:
    """The candidates outside barred places, numbered from 0 in their order.

    Args:
        candidates: Starts of windows.
        barred: Places that may not be drawn: sorted, disjoint intervals, int64 (m, 2).
    """

    def __init__(self, candidates: Candidates, barred: np.ndarray):
        below = candidates.count_below(barred.ravel())
        firsts, ends = np.append(0, below[1::2]), np.append(below[::2], len(candidates))
        kept = ends > firsts
        self._candidates = candidates
        self._firsts = firsts[kept]
        self._numbers = np.append(0, np.cumsum((ends - firsts)[kept]))

    def __len__(self) -> int:
        return int(self._numbers[-1])

    def at(self, numbers: np.ndarray) -> np.ndarray:
        """The places of free candidates; int64 (n,) → int64 (n,)."""
        run = np.searchsorted(self._numbers, numbers, side="right") - 1
        return self._candidates.at(self._firsts[run] + numbers - self._numbers[run])

    def find(self, places: np.ndarray) -> np.ndarray:
        """The numbers of those of some sorted places that are free: int64 (n or fewer,)."""
        rank = self._candidates.count_below(places)
        rank, places = rank[rank < len(self._candidates)], places[rank < len(self._candidates)]
        rank = rank[self._candidates.at(rank) == places]
        run = np.searchsorted(self._firsts, rank, side="right") - 1
        rank, run = rank[run >= 0], run[run >= 0]
        number = self._numbers[run] + rank - self._firsts[run]
        return number[number < self._numbers[run + 1]]


def draw_free(
    choices: Sequence[Free], n: int, rng: np.random.Generator, *, replace: bool = False
) -> np.ndarray:
    """Draw up to `n` places, an equal part from each of the choices where it has them.

    What one cannot give, the others do. Without `replace` no place comes twice, not even one that
    two choices have; fewer than `n` come when there are not more.

    Args:
        choices: What to draw from.
        n: How many.
        rng: From `derive_rng`.
        replace: Whether a place may come more than once.

    Returns:
        Sorted int64 (n or fewer,).
    """
    drawn = np.empty(0, dtype=np.int64)
    quotas = [n * (i + 1) // len(choices) - n * i // len(choices) for i in range(len(choices))]
    for is_last in (False, True):
        for free, quota in zip(choices, quotas, strict=True):
            wanted = n - len(drawn) if is_last else quota
            if wanted:
                taken = drawn[:0] if replace else free.find(np.sort(drawn))
                drawn = np.append(drawn, free.at(_draw_others(rng, free, taken, wanted, replace)))
    return np.sort(drawn)


def _draw_others(
    rng: np.random.Generator, free: Free, taken: np.ndarray, n: int, replace: bool
) -> np.ndarray:
    """Numbers of up to `n` free candidates, none of those taken (sorted numbers)."""
    room = len(free) - len(taken)
    numbers = draw_ranks(rng, room, n if replace and room else min(n, room), replace=replace)
    return numbers + np.searchsorted(taken - np.arange(len(taken)), numbers, side="right")
