"""Negatives of every scope, scoped or hard, one scope after the other."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from basewise.peaks.negatives.allowed import AllowedStarts
from basewise.peaks.negatives.ground import Ground, find_avoided, find_common_starts
from basewise.peaks.negatives.hard import Pools, draw_hard
from basewise.peaks.negatives.random import draw_random
from basewise.peaks.negatives.scoped import allowed_by_scope, scopes_with_peaks
from basewise.peaks.negatives.seeds import derive_rng
from basewise.peaks.negatives.settings import NegativeSettings
from basewise.peaks.negatives.source import NAMES, Peaks

Drawn = tuple[tuple[str, str, str], int, np.ndarray, np.ndarray]


def draw_each_scoped(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, seed: int
) -> Iterator[Drawn]:
    """Yield each scope, how many it should have, and its scoped negatives' chroms and starts."""
    for group, allowed in allowed_by_scope(
        peaks,
        find_avoided(peaks, ground, settings),
        settings.width_bp,
        chromsizes=ground.chromsizes,
        chroms=ground.chroms,
        margin_bp=settings.margin_bp,
        in_any_biotype="target" in settings.avoid,
    ):
        for scope, n in _wanted(group, settings):
            rng = derive_rng(seed, "scoped", *scope)
            yield scope, n, *_draw_for_scope(allowed, n, rng, settings)


def _draw_for_scope(
    allowed: AllowedStarts, n: int, rng: np.random.Generator, settings: NegativeSettings
) -> tuple[np.ndarray, np.ndarray]:
    room = allowed.n_starts
    n = n if settings.replace and room else min(n, room)
    return allowed.locate(draw_random(allowed, n, rng, replace=settings.replace))


def draw_each_hard(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, seed: int
) -> Iterator[Drawn]:
    """Yield each scope, how many it should have, and its hard negatives' chroms and starts."""
    allowed = find_common_starts(peaks, ground, settings)
    pools = Pools(peaks, allowed, centre=settings.centre)
    for group, own in scopes_with_peaks(peaks, in_any_biotype="target" in settings.avoid):
        barred = pools.barred(own, settings.margin_bp)
        target, biotype = group["target"].iloc[0], group["biotype"].iloc[0]
        chosen = [pools.get(source, target, biotype) for source in settings.sources]
        for scope, n in _wanted(group, settings):
            rng = derive_rng(seed, "hard", *scope)
            starts = draw_hard(chosen, barred, n, rng, replace=settings.replace)
            yield scope, n, *pools.locate(starts)


def _wanted(
    group: pd.DataFrame, settings: NegativeSettings
) -> Iterator[tuple[tuple[str, str, str], int]]:
    for row in group.itertuples():
        yield tuple(getattr(row, name) for name in NAMES), settings.count(row.n_peaks)
