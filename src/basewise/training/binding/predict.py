"""A checkpoint's predictions of windows: for their own pairs, and the mean over other targets."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from basewise.genome import Sequences
from basewise.training.binding.checkpoint import BindingCheckpoint
from basewise.training.binding.data import list_pairs, open_pairs
from basewise.training.binding.pairs import Pair
from basewise.training.binding.score import Scorer

PLACE = ["chrom", "start", "end"]


def predict_windows(
    checkpoint: BindingCheckpoint,
    windows: pd.DataFrame,
    sequences: Sequences,
    *,
    proteins: str | os.PathLike,
    contexts: str | os.PathLike | None,
    batch_size: int = 256,
) -> np.ndarray:
    """Return logits float32 (n,) of windows for their own pairs.

    Raises:
        BasewiseError: a pair that is not among the embeddings; a window outside its chrom.
    """
    table = open_pairs(list_pairs(windows), proteins, contexts, **checkpoint.residues)
    scorer = Scorer(checkpoint.model, table, sequences, batch_size)
    return scorer.score_own(checkpoint.params, windows)


def predict_mean(
    checkpoint: BindingCheckpoint,
    windows: pd.DataFrame,
    sequences: Sequences,
    others: Sequence[Pair],
    *,
    proteins: str | os.PathLike,
    contexts: str | os.PathLike | None,
    batch_size: int = 256,
) -> np.ndarray:
    """Return the mean probability float32 (n,) of other pairs at windows.

    Pairs of a window's own target do not count for it. Windows at one place are read once.
    """
    table = open_pairs(others, proteins, contexts, **checkpoint.residues)
    scorer = Scorer(checkpoint.model, table, sequences, batch_size)
    codes, places = pd.factorize(pd.MultiIndex.from_frame(windows[PLACE].astype({"chrom": str})))
    distinct = pd.DataFrame(places.to_list(), columns=PLACE)
    targets = np.array([pair.target for pair in table.pairs], object)
    totals = np.zeros(len(distinct))
    by_target = {name: np.zeros(len(distinct), np.float32) for name in dict.fromkeys(targets)}
    for rows, logits in scorer.score_all(checkpoint.params, distinct, range(len(table))):
        probs = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
        totals[rows] = probs.sum(axis=1)
        for name, own in by_target.items():
            own[rows] = probs[:, targets == name].sum(axis=1)
    counts = {name: int((targets == name).sum()) for name in by_target}
    mean = np.empty(len(windows), np.float32)
    asked = windows["target"].astype(str).to_numpy(object)
    for name in dict.fromkeys(asked):
        own = np.flatnonzero(asked == name)
        total, number = totals[codes[own]], len(targets)
        if name in counts and counts[name] < number:
            total, number = total - by_target[name][codes[own]], number - counts[name]
        mean[own] = total / number
    return mean
