"""The motif baseline: for each target, the weight matrix that best tells its training windows.

Candidates begin at the k-mers that bound windows hold more often than unbound ones; of all, of
two ways of scoring and of whole windows or their middles, the choice with the largest AUPRC on the
training windows is kept. It is what a model of binding must beat on targets that it has seen.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.evaluation.binding.sites import count_kmers, fit_weights, score_sites
from basewise.training.binding.metrics import average_precision

log = logging.getLogger(__name__)

SCORINGS = ("best site", "all sites")


@dataclass(frozen=True)
class MotifSettings:
    """How motifs are sought.

    Attributes:
        lengths: of the k-mers to begin with; seeds: of each, how many.
        flank: columns that are added on each side.
        middle_bp: the middle of a window that may be scored instead of all of it.
        most: training windows of a target and label.
    """

    lengths: tuple[int, ...] = (6, 7, 8)
    seeds: int = 2
    flank: int = 3
    iterations: int = 6
    middle_bp: int = 101
    most: int = 600


@dataclass(frozen=True)
class Motif:
    """One target's matrix, and how windows are scored with it.

    Attributes:
        kmer: what it began with.
        weights: log-odds (m, 4).
        scoring: of SCORINGS.
        middle_bp: width that is scored; None for whole windows.
        auprc: on the training windows, which it was chosen by.
    """

    target: str
    kmer: str
    weights: np.ndarray
    scoring: str
    middle_bp: int | None
    auprc: float

    def score(self, windows: np.ndarray) -> np.ndarray:
        """Return scores float64 (n,) of windows, uint8 codes (n, w)."""
        scores = score_sites(cut_middle(windows, self.middle_bp), self.weights)
        return scores[:, SCORINGS.index(self.scoring)]

    @property
    def consensus(self) -> str:
        """The bases of its columns; lower case where no base has half."""
        probs = np.exp(self.weights)
        probs /= probs.sum(axis=1, keepdims=True)
        letters = np.array(list("ACGT"))[probs.argmax(axis=1)]
        return "".join(
            letter if top >= 0.5 else letter.lower()
            for letter, top in zip(letters, probs.max(axis=1), strict=True)
        )


def learn_motifs(
    windows: pd.DataFrame,
    read: Callable[[pd.DataFrame], np.ndarray],
    settings: MotifSettings = MotifSettings(),
    *,
    seed: int = 0,
    threads: int = 1,
) -> dict[str, Motif]:
    """Return the motif of each target of the training windows that has both labels.

    Args:
        windows: target, label and what ``read`` needs.
        read: windows -> uint8 codes (n, w).
        seed: of the choice of ``most`` windows.
    """
    targets = windows["target"].astype(str)
    groups = dict(tuple(windows.groupby(targets.to_numpy(object), sort=True)))

    def learn(name: str) -> Motif | None:
        rows = groups[name]
        sides = [_choose(rows[rows["label"] == label], settings.most, seed) for label in (1, 0)]
        if min(map(len, sides)) == 0:
            return None
        bound, unbound = map(read, sides)
        return learn_motif(name, bound, unbound, settings)

    with ThreadPoolExecutor(threads) as pool:
        found = [motif for motif in pool.map(learn, groups) if motif is not None]
    if not found:
        raise BasewiseError("no target has bound and unbound training windows to learn a motif of")
    log.info("learnt motifs of %d of %d targets", len(found), len(groups))
    return {motif.target: motif for motif in found}


def learn_motif(
    target: str, bound: np.ndarray, unbound: np.ndarray, settings: MotifSettings
) -> Motif:
    """Return the motif of bound and unbound windows, uint8 codes (n, w) each."""
    both = np.concatenate([bound, unbound])
    labels = np.arange(len(both)) < len(bound)
    background = np.bincount(both[both < 4].ravel(), minlength=4) + 1.0
    background = (background + background[::-1]) / (2 * background.sum())  # of both strands
    middle = cut_middle(bound, settings.middle_bp)
    best = None
    for kmer in _seeds(middle, cut_middle(unbound, settings.middle_bp), settings):
        weights = fit_weights(
            middle, kmer, background, iterations=settings.iterations, flank=settings.flank
        )
        for middle_bp in dict.fromkeys((settings.middle_bp, None)):
            scores = score_sites(cut_middle(both, middle_bp), weights)
            for column, scoring in enumerate(SCORINGS):
                auprc = average_precision(scores[:, column], labels)
                if best is None or auprc > best.auprc:
                    text = "".join("ACGT"[base] for base in kmer)
                    best = Motif(target, text, weights, scoring, middle_bp, auprc)
    return best


def cut_middle(windows: np.ndarray, width_bp: int | None) -> np.ndarray:
    """Return the middle of windows; all of them where they are no wider."""
    if width_bp is None or width_bp >= windows.shape[1]:
        return np.ascontiguousarray(windows)
    first = (windows.shape[1] - width_bp) // 2
    return np.ascontiguousarray(windows[:, first : first + width_bp])


def _seeds(bound: np.ndarray, unbound: np.ndarray, settings: MotifSettings) -> Iterator[np.ndarray]:
    for k in settings.lengths:
        hits = count_kmers(bound, k) / len(bound)
        misses = count_kmers(unbound, k) / len(unbound)
        mean = (hits * len(bound) + misses * len(unbound)) / (len(bound) + len(unbound))
        spread = np.sqrt(np.maximum(mean * (1 - mean), 1e-9) * (1 / len(bound) + 1 / len(unbound)))
        for code in np.argsort(-(hits - misses) / spread, kind="stable")[: settings.seeds]:
            yield (int(code) >> 2 * np.arange(k - 1, -1, -1)) & 3


def _choose(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    if len(rows) <= most:
        return rows
    chosen = np.random.default_rng([seed, len(rows)]).permutation(len(rows))[:most]
    return rows.iloc[np.sort(chosen)]
