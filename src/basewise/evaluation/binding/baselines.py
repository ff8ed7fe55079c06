"""Predictors without a model, but motifs: GC content, and how many other targets bind there."""

from collections.abc import Collection
from itertools import pairwise

import numpy as np
import pandas as pd

from basewise.peaks.categories import count_names, read_codes
from basewise.training.binding.metrics import roc_area

_SPAN = 1 << 40  # more than any chrom is long
G_OR_C = (1, 2)


def gc_content(windows: np.ndarray) -> np.ndarray:
    """Return the share of G and C float64 (n,) of windows, uint8 codes (n, w); 0.5 of only N."""
    known = (windows < 4).sum(axis=1)
    return np.where(known, np.isin(windows, G_OR_C).sum(axis=1) / np.maximum(known, 1), 0.5)


def learn_gc_signs(gc: np.ndarray, labels: np.ndarray, targets: np.ndarray) -> dict[str, int]:
    """Return target -> 1 where its bound training windows have more GC, else -1; "" for all."""
    signs = {"": _sign(gc, labels)}
    for target in dict.fromkeys(targets):
        own = targets == target
        signs[target] = _sign(gc[own], labels[own])
    return signs


def orient_gc(gc: np.ndarray, targets: np.ndarray, signs: dict[str, int]) -> np.ndarray:
    """Return scores float64 (n,): GC with the sign of each target; unseen ones have that of all."""
    return gc * np.array([signs.get(target, signs[""]) for target in targets])


def observed_mean(
    windows: pd.DataFrame, peaks: pd.DataFrame, training: Collection[str]
) -> np.ndarray:
    """Return the share float64 (n,) of training targets with a peak at each window.

    It knows experiments at the very place, which a model does not; Schreiber et al. 2020,
    doi:10.1038/s41467-020-14974-x, on why models are to be held against it.

    Args:
        windows: columns chrom, start, end, target.
        peaks: the same of windows of peaks, of any split. One counts where its centre is in the
            window; a window's own target does not count for it.
        training: targets that trained.
    """
    training = {target: number for number, target in enumerate(sorted(training))}
    held = sorted({*count_names(windows["chrom"]), *count_names(peaks["chrom"])})
    chroms = {chrom: number for number, chrom in enumerate(held)}
    start, end = (_key(windows, windows[name], chroms) for name in ("start", "end"))
    own = _number(windows["target"], training)
    counts = np.zeros(len(windows))
    of_peak = _number(peaks["target"], training)
    centres = _key(peaks, (peaks["start"] + peaks["end"]) // 2, chroms)
    order = np.lexsort((centres, of_peak))
    bounds = np.searchsorted(of_peak[order], np.arange(len(training) + 1))
    centres = centres[order]
    for number, (first, last) in enumerate(pairwise(bounds)):
        places = centres[first:last]
        is_bound = np.searchsorted(places, end) > np.searchsorted(places, start)
        counts += is_bound & (own != number)
    others = len(training) - (own >= 0)
    return counts / np.maximum(others, 1)


def _key(rows: pd.DataFrame, position: pd.Series, chroms: dict[str, int]) -> np.ndarray:
    return _number(rows["chrom"], chroms) * _SPAN + position.to_numpy(np.int64)


def _number(column: pd.Series, numbers: dict[str, int]) -> np.ndarray:
    """The number of every row's name: int64 (n,), -1 for names without one."""
    codes, names = read_codes(column)
    return np.array([numbers.get(name, -1) for name in names], np.int64)[codes]


def _sign(gc: np.ndarray, labels: np.ndarray) -> int:
    return -1 if roc_area(gc, labels) < 0.5 else 1
