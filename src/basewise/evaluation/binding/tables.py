"""Predictors side by side: by target, their means, and precision over recall."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from basewise.training.binding.metrics import precision_recall, score_groups, summarise_binary

MIN_POSITIVES = 10
RECALLS = np.linspace(0, 1, 101)


def score_targets(
    scores: Mapping[str, np.ndarray], labels: np.ndarray, targets: np.ndarray
) -> pd.DataFrame:
    """Return a row per target: target, n, n_positive, and auprc_… and auroc_… of each predictor.

    Args:
        scores: predictor -> float (n,), NaN where it has nothing to say.
    """
    table = None
    for name, own in scores.items():
        known = ~np.isnan(own)
        rows = score_groups(own[known], labels[known], targets[known])
        rows = rows.rename(
            columns={"group": "target", "auprc": f"auprc_{name}", "auroc": f"auroc_{name}"}
        )
        if table is None:
            table = rows
        else:
            table = table.merge(rows.drop(columns=["n", "n_positive"]), on="target", how="left")
    return table


def summarise(
    by_target: pd.DataFrame,
    scores: Mapping[str, np.ndarray],
    labels: np.ndarray,
    targets: np.ndarray,
    *,
    model: str,
    min_positives: int = MIN_POSITIVES,
) -> pd.DataFrame:
    """Return a row per predictor.

    Returns:
        predictor; targets that count (both labels, enough bound windows, and known to the
        predictor); means of auprc and auroc over them, and the median of auprc; better, the share
        of these targets on which ``model`` has the larger auprc; pooled_auprc and pooled_auroc of
        all windows together, which reward scores that compare between targets.
    """
    counted = by_target[
        (by_target["n_positive"] >= min_positives) & (by_target["n_positive"] < by_target["n"])
    ]
    rows = []
    for name, own in scores.items():
        auprc = counted[f"auprc_{name}"]
        known = ~np.isnan(own)
        pooled = summarise_binary(own[known], labels[known], targets[known])
        defined = counted[auprc.notna()]
        wins = defined[f"auprc_{model}"] > defined[f"auprc_{name}"]
        rows.append(
            {
                "predictor": name,
                "targets": len(defined),
                "auprc": auprc.mean(),
                "auroc": counted[f"auroc_{name}"].mean(),
                "median_auprc": auprc.median(),
                "better": np.nan if name == model or not len(defined) else wins.mean(),
                "pooled_auprc": pooled["pooled_auprc"],
                "pooled_auroc": pooled["pooled_auroc"],
                "prevalence": pooled["prevalence"],
            }
        )
    return pd.DataFrame(rows)


def mean_curves(
    scores: Mapping[str, np.ndarray],
    labels: np.ndarray,
    targets: np.ndarray,
    *,
    min_positives: int = MIN_POSITIVES,
) -> pd.DataFrame:
    """Return predictor, recall, precision: the mean over targets of precision at each recall."""
    codes, names = pd.factorize(targets, sort=True)
    rows = []
    for name, own in scores.items():
        curves = []
        for code in range(len(names)):
            chosen = (codes == code) & ~np.isnan(own)
            n_positive = int(labels[chosen].sum())
            if min_positives <= n_positive < chosen.sum():
                curve = precision_recall(own[chosen], labels[chosen], points=1 << 30)
                at = np.searchsorted(curve["recall"].to_numpy(), RECALLS - 1e-12)
                at = np.minimum(at, len(curve) - 1)
                curves.append(curve["precision"].to_numpy()[at])
        if curves:
            rows.append(
                pd.DataFrame(
                    {"predictor": name, "recall": RECALLS, "precision": np.mean(curves, axis=0)}
                )
            )
    columns = ["predictor", "recall", "precision"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
