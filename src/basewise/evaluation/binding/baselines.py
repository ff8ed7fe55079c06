"""Predictors without a model, but motifs: GC content, and how many other targets bind there."""

from collections.abc import Collection

import numpy as np
import pandas as pd

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
    training = sorted(training)
    chroms = {
        name: i
        for i, name in enumerate(
            pd.unique(pd.concat([windows["chrom"], peaks["chrom"]]).astype(str))
        )
    }
    start = _key(windows, windows["start"], chroms)
    end = _key(windows, windows["end"], chroms)
    own = windows["target"].astype(str).to_numpy(object)
    counts = np.zeros(len(windows))
    peak_targets = peaks["target"].astype(str).to_numpy(object)
    centres = _key(peaks, (peaks["start"] + peaks["end"]) // 2, chroms)
    for target in training:
        places = np.sort(centres[peak_targets == target])
        is_bound = np.searchsorted(places, end) > np.searchsorted(places, start)
        counts += is_bound & (own != target)
    others = len(training) - np.isin(own, training)
    return counts / np.maximum(others, 1)


def _key(rows: pd.DataFrame, position: pd.Series, chroms: dict[str, int]) -> np.ndarray:
    number = rows["chrom"].astype(str).map(chroms).to_numpy(np.int64)
    return number * _SPAN + position.to_numpy(np.int64)


def _sign(gc: np.ndarray, labels: np.ndarray) -> int:
    return -1 if roc_area(gc, labels) < 0.5 else 1
