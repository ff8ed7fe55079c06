"""Histograms of probabilities by label, which add, and the metrics that follow from them.

Probabilities fall into 1,021 levels, p = i / 1020. Every value of an 8-bit track (k / 255) is a
level of its own (4k), so that all metrics of such tracks are exact; values of float tracks move
by at most 1 / 2040 in ranking metrics. The confusion counts at the threshold are taken from the
values themselves and are exact for any track.
"""

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from basewise.errors import BasewiseError

N_LEVELS = 1021
_LAST = N_LEVELS - 1


@dataclass
class ElementCounts:
    """Counts of one element: `update` per window, `+` to reduce, `finalize` once.

    `histogram[y, i]` is the number of bases with label y at level i, `called[y]` the number with
    label y and p >= `threshold` (compared in float32).
    """

    threshold: float
    histogram: np.ndarray = field(default_factory=lambda: np.zeros((2, N_LEVELS), np.int64))
    called: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))

    def update(self, probs: np.ndarray, labels: np.ndarray) -> None:
        """Count bases: probs float (n,), NaN where left out; labels bool or 0/1 integers (n,)."""
        probs = np.ascontiguousarray(probs, dtype=np.float32)
        labels = np.ascontiguousarray(labels)
        if probs.ndim != 1 or probs.shape != labels.shape:
            raise ValueError(f"probs and labels differ in shape: {probs.shape=}, {labels.shape=}")
        bad = _count(
            probs, labels.astype(bool), np.float32(self.threshold), self.histogram, self.called
        )
        if bad >= 0:
            raise BasewiseError("A probability lies outside 0 to 1", found=str(probs[bad]))

    def __add__(self, other: "ElementCounts") -> "ElementCounts":
        if self.threshold != other.threshold:
            raise ValueError(f"thresholds differ: {self.threshold} and {other.threshold}")
        return ElementCounts(
            self.threshold, self.histogram + other.histogram, self.called + other.called
        )

    @property
    def n_positive(self) -> int:
        """Scored bases with label 1."""
        return int(self.histogram[1].sum())

    @property
    def n_scored(self) -> int:
        """Scored bases."""
        return int(self.histogram.sum())

    def finalize(self) -> dict[str, float]:
        """Return the metrics by name; NaN stands for a metric that is not defined.

        Without a positive base every metric is undefined. MCC is 0 where a class is never called
        (its limit), precision is undefined there. `best_*` is the level with the largest MCC on
        these very bases: an upper bound, not an estimate.
        """
        n_positive, n_scored = self.n_positive, self.n_scored
        metrics: dict[str, float] = {
            "n_positive": n_positive,
            "n_scored": n_scored,
            "prevalence": n_positive / n_scored if n_scored else np.nan,
            "threshold": float(self.threshold),
        }
        if not n_positive:
            return metrics | dict.fromkeys(METRICS, np.nan)
        n_negative = n_scored - n_positive
        fp, tp = (int(n) for n in self.called)
        fn, tn = n_positive - tp, n_negative - fp
        curve = self.curve()
        mcc_of_level = _mcc(
            curve["tp"], curve["fp"], n_positive - curve["tp"], n_negative - curve["fp"]
        )
        best = int(np.argmax(mcc_of_level))
        recall_steps = np.diff(curve["recall"], prepend=0.0)
        auroc = np.nan
        if n_negative:
            hit_rate, false_rate = (
                np.append(0, curve["recall"]),
                np.append(0, curve["fp"]) / n_negative,
            )
            auroc = float(np.trapezoid(hit_rate, false_rate))
        return metrics | {
            "mcc": float(_mcc(tp, fp, fn, tn)),
            "auprc": float(np.sum(recall_steps * curve["precision"])),
            "auroc": auroc,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "precision": tp / (tp + fp) if tp + fp else np.nan,
            "recall": tp / n_positive,
            "jaccard": tp / (tp + fp + fn),
            "best_mcc": float(mcc_of_level[best]),
            "best_mcc_threshold": float(curve["threshold"][best]),
        }

    def curve(self) -> dict[str, np.ndarray]:
        """Precision and recall when bases at or above each occupied level are called, from 1 down.

        Keys: threshold, precision, recall (float64), tp, fp (int64), all (n_levels_occupied,).
        """
        occupied = np.flatnonzero(self.histogram.sum(axis=0))[::-1]
        fp, tp = np.cumsum(self.histogram[:, occupied], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = tp / np.float64(self.n_positive)
            precision = tp / (tp + fp)
        return {
            "threshold": occupied / _LAST,
            "precision": precision,
            "recall": recall,
            "tp": tp,
            "fp": fp,
        }


METRICS = (
    "mcc",
    "auprc",
    "auroc",
    "f1",
    "precision",
    "recall",
    "jaccard",
    "best_mcc",
    "best_mcc_threshold",
)


def _mcc(tp, fp, fn, tn):
    """Matthews correlation of counts (numbers or arrays); 0 where a margin is empty."""
    tp, fp, fn, tn = (np.asarray(n, dtype=np.float64) for n in (tp, fp, fn, tn))
    scale = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(scale), where=scale > 0)


@njit(cache=True, nogil=True)
def _count(probs, labels, threshold, histogram, called):
    """Add to the counts; return the position of the first value outside [0, 1], or -1."""
    for i in range(len(probs)):
        p = probs[i]
        if np.isnan(p):
            continue
        if not 0.0 <= p <= 1.0:
            return i
        label = 1 if labels[i] else 0
        histogram[label, int(p * _LAST + 0.5)] += 1
        if p >= threshold:
            called[label] += 1
    return -1
