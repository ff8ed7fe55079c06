"""Bins along a chrom: which of them peaks fill, and a track's mean over each.

As the ENCODE-DREAM challenge did (doi:10.7303/syn6131484): bins of 200 bp every 50 bp, positive
where peaks cover at least half of a bin, or where at least half of a peak lies in it, as peaks may
be shorter.
"""

import numpy as np

BIN_BP, STEP_BP = 200, 50


def label_bins(
    peaks: np.ndarray, size: int, *, bin_bp: int = BIN_BP, step_bp: int = STEP_BP
) -> np.ndarray:
    """Return int8 (n,) of the bins of one chrom: 1 positive, 0 negative, -1 touched by a peak.

    Args:
        peaks: int64 (p, 2), sorted, disjoint, 0-based half-open.
        size: bp of the chrom; bins are those that fit in it.
    """
    n_bins = max((size - bin_bp) // step_bp + 1, 0)
    starts = step_bp * np.arange(n_bins, dtype=np.int64)
    lengths = peaks[:, 1] - peaks[:, 0]
    before = np.concatenate([[0], np.cumsum(lengths)])

    def covered_until(places: np.ndarray) -> np.ndarray:
        index = np.searchsorted(peaks[:, 0], places, side="right")
        last = np.maximum(index - 1, 0)
        inside = np.minimum(places, peaks[last, 1]) - peaks[last, 0]
        return np.where(index > 0, before[last] + np.maximum(inside, 0), 0)

    if not len(peaks) or not n_bins:
        return np.zeros(n_bins, np.int8)
    covered = covered_until(starts + bin_bp) - covered_until(starts)
    labels = np.where(covered > 0, -1, 0).astype(np.int8)
    labels[2 * covered >= bin_bp] = 1
    half = -(-lengths // 2)  # of a short peak, in the bin that holds it
    is_short = lengths < bin_bp
    first = -(-(peaks[is_short, 0] + half[is_short] - bin_bp) // step_bp)
    last = (peaks[is_short, 1] - half[is_short]) // step_bp
    steps = np.zeros(n_bins + 1, np.int64)
    np.add.at(steps, np.clip(first, 0, n_bins), 1)
    np.add.at(steps, np.clip(last + 1, 0, n_bins), -1)
    labels[np.cumsum(steps[:-1]) > 0] = 1
    return labels


def mean_bins(values: np.ndarray, *, bin_bp: int = BIN_BP, step_bp: int = STEP_BP) -> np.ndarray:
    """Return float64 (n,), the means of bins, of sums float64 and counts (2, steps) of each step.

    NaN where a base of the bin has no value.
    """
    n = bin_bp // step_bp
    if values.shape[1] < n:
        return np.empty(0)
    totals = np.lib.stride_tricks.sliding_window_view(values, n, axis=1).sum(axis=2)
    return np.where(totals[1] == bin_bp, totals[0] / bin_bp, np.nan)


def sum_steps(values: np.ndarray, step_bp: int) -> np.ndarray:
    """Return sums and counts (2, whole steps) of a window that begins on a step."""
    whole = values[: len(values) // step_bp * step_bp].reshape(-1, step_bp).astype(np.float64)
    is_scored = ~np.isnan(whole)
    return np.stack([np.where(is_scored, whole, 0.0).sum(axis=1), is_scored.sum(axis=1)])
