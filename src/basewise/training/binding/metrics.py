"""How well scores rank bound windows above others, and how well tracks follow signals. No JAX.

All are exact; equal scores count as one threshold. What is not defined is NaN.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

CURVE_POINTS = 400


def average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under precision over recall (AUPRC), by steps, without interpolation.

    Args:
        scores: float (n,), any scale.
        labels: bool or 0/1 (n,).

    Davis & Goadrich 2006, doi:10.1145/1143844.1143874.
    """
    tp, fp = _cumulate(scores, labels)
    if not len(tp) or not tp[-1]:
        return float("nan")
    return float(np.sum(np.diff(tp, prepend=0) * (tp / (tp + fp))) / tp[-1])


def roc_area(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the chance that a positive scores above a negative (AUROC), ties counting half."""
    tp, fp = _cumulate(scores, labels)
    if not len(tp) or not tp[-1] or not fp[-1]:
        return float("nan")
    return float(np.trapezoid(np.append(0, tp), np.append(0, fp)) / (tp[-1] * fp[-1]))


def precision_recall(
    scores: np.ndarray, labels: np.ndarray, *, points: int = CURVE_POINTS
) -> pd.DataFrame:
    """Return recall, precision and threshold from the highest score down, at most ``points``."""
    tp, fp = _cumulate(scores, labels)
    ranked = np.unique(np.asarray(scores, np.float64))[::-1]
    curve = pd.DataFrame(
        {"recall": tp / max(tp[-1], 1), "precision": tp / (tp + fp), "threshold": ranked}
        if len(tp)
        else {"recall": [], "precision": [], "threshold": []}
    )
    if len(curve) <= points:
        return curve
    wanted = np.linspace(0, 1, points)
    rows = np.minimum(np.searchsorted(curve["recall"].to_numpy(), wanted), len(curve) - 1)
    return curve.iloc[np.unique(np.append(rows, 0))].reset_index(drop=True)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of windows on the right side of probability 0.5."""
    if not len(labels):
        return float("nan")
    return float(np.mean((np.asarray(logits) > 0) == np.asarray(labels, bool)))


def score_groups(scores: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """Return a row per group, in the order of names: group, n, n_positive, auprc, auroc."""
    labels = np.asarray(labels, bool)
    codes, names = pd.factorize(np.asarray(groups, object), sort=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    rows = []
    for i, name in enumerate(names):
        own = order[bounds[i] : bounds[i + 1]]
        rows.append(
            {
                "group": name,
                "n": len(own),
                "n_positive": int(labels[own].sum()),
                "auprc": average_precision(scores[own], labels[own]),
                "auroc": roc_area(scores[own], labels[own]),
            }
        )
    return pd.DataFrame(rows, columns=["group", "n", "n_positive", "auprc", "auroc"])


def summarise_binary(
    logits: np.ndarray, labels: np.ndarray, targets: np.ndarray
) -> dict[str, float]:
    """Return what a validation says of windows.

    Returns:
        ``auprc`` and ``auroc``, means over targets that have both kinds of windows;
        ``pooled_auprc`` and ``pooled_auroc`` over all windows together; ``accuracy``;
        ``prevalence``, the pooled AUPRC of guessing.
    """
    by_target = score_groups(logits, labels, targets)
    defined = by_target[(by_target["n_positive"] > 0) & (by_target["n_positive"] < by_target["n"])]
    return {
        "auprc": _mean(defined["auprc"]),
        "auroc": _mean(defined["auroc"]),
        "pooled_auprc": average_precision(logits, labels),
        "pooled_auroc": roc_area(logits, labels),
        "accuracy": accuracy(logits, labels),
        "prevalence": float(np.mean(labels)) if len(labels) else float("nan"),
    }


@dataclass
class TrackSums:
    """Running sums of a track's bins: `update` per batch, `+` to reduce, `finalize` once.

    They give Pearson's correlation over all bins of all windows, as data sets are judged, and the
    mean of each window's own, as the published implementation reports it.
    """

    sums: np.ndarray = field(default_factory=lambda: np.zeros(6))
    window_total: float = 0.0
    n_windows: int = 0

    def update(self, predicted: np.ndarray, target: np.ndarray) -> None:
        """Add windows: both float (B, n); bins whose target is NaN do not count."""
        predicted, target = (np.asarray(values, np.float64) for values in (predicted, target))
        is_known = ~np.isnan(target)
        x, y = predicted[is_known], target[is_known]
        added = (x.size, x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())
        self.sums = self.sums + np.array(added)
        for own_x, own_y, known in zip(predicted, target, is_known, strict=True):
            if known.any():
                self.window_total += _correlate(own_x[known], own_y[known])
                self.n_windows += 1

    def __add__(self, other: "TrackSums") -> "TrackSums":
        return TrackSums(
            self.sums + other.sums,
            self.window_total + other.window_total,
            self.n_windows + other.n_windows,
        )

    def finalize(self) -> dict[str, float]:
        """Return ``pearson`` (all bins) and ``window_pearson`` (mean over windows)."""
        n, x, y, xx, yy, xy = self.sums
        spread = (n * xx - x * x) * (n * yy - y * y)
        return {
            "pearson": float((n * xy - x * y) / np.sqrt(spread)) if spread > 0 else float("nan"),
            "window_pearson": self.window_total / self.n_windows
            if self.n_windows
            else float("nan"),
        }


def _correlate(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    spread = (x * x).sum() * (y * y).sum()
    return float((x * y).sum() / np.sqrt(spread)) if spread > 0 else 0.0


def _cumulate(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each distinct score, from the highest down."""
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels, bool)
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(f"scores and labels differ in shape: {scores.shape=}, {labels.shape=}")
    if np.isnan(scores).any():
        raise ValueError("scores hold NaN")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], labels[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True)) if len(ranked) else []
    tp = np.cumsum(hits)[last]
    return tp, np.asarray(last) + 1 - tp


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")
