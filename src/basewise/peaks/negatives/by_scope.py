"""Negatives of every scope, scoped or hard: what is not bound by one target in one biotype.

Scoped ones may lie anywhere; hard ones are windows around peaks of others.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from basewise.peaks.names import unmodified
from basewise.peaks.negatives.free import Free, draw_free
from basewise.peaks.negatives.ground import Ground, find_common_starts
from basewise.peaks.negatives.hard import Pools
from basewise.peaks.negatives.line import Anywhere, Candidates, Line
from basewise.peaks.negatives.scoped import ScopedPeaks, find_barred
from basewise.peaks.negatives.seeds import derive_rng
from basewise.peaks.negatives.settings import NegativeSettings
from basewise.peaks.negatives.source import Peaks


class Drawn(NamedTuple):
    """What was drawn for a scope.

    Attributes:
        scope: experiment, target, biotype.
        wanted: How many it should have.
        chrom: Index into the ground's chroms, int64 (n,).
        start: bp, int64 (n,).
    """

    scope: tuple[str, str, str]
    wanted: int
    chrom: np.ndarray
    start: np.ndarray


def draw_each_scope(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, seed: int
) -> Iterator[Drawn]:
    """Yield the negatives of each scope, by target, biotype, experiment."""
    allowed = find_common_starts(peaks, ground, settings)
    line = Line(allowed.chroms, allowed.chrom_bp, settings.margin_bp)
    anywhere = Anywhere(allowed, line)
    scoped, choose = _candidates(peaks, line, anywhere, settings)

    @lru_cache(maxsize=1)
    def bar(target: str, biotype: str | None) -> np.ndarray:
        bound = scoped.bound(target, biotype)
        return find_barred(bound, line, settings.width_bp, settings.margin_bp)

    @lru_cache(maxsize=len(settings.sources))
    def free(candidates: Candidates, target: str, biotype: str | None) -> Free:
        return Free(candidates, bar(target, biotype))

    for target, biotype, numbers in scoped.groups():
        own = unmodified(target), None if "target" in settings.avoid else biotype
        choices = [free(candidates, *own) for candidates in choose(target, biotype)]
        for number in numbers:
            scope, wanted = scoped.names[number], settings.count(scoped.n_peaks[number])
            rng = derive_rng(seed, settings.kind, *scope)
            places = draw_free(choices, wanted, rng, replace=settings.replace)
            yield Drawn(scope, wanted, *line.locate(places))


def _candidates(
    peaks: Peaks, line: Line, anywhere: Anywhere, settings: NegativeSettings
) -> tuple[ScopedPeaks, Callable[[str, str], list[Candidates]]]:
    """The peaks, and what finds the candidates for a target in a biotype."""
    if settings.kind == "scoped":
        return ScopedPeaks(peaks, line), lambda target, biotype: [anywhere]
    scoped = ScopedPeaks(peaks, line, width_bp=settings.width_bp, centre=settings.centre)
    pools = Pools(scoped, anywhere)
    return scoped, lambda target, biotype: [
        pools.get(source, target, biotype) for source in settings.sources
    ]
