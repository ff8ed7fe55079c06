"""Motifs as weight matrices: scores of windows, fits to windows. Both strands count alike.

Shapes: n windows of w bases as codes (A 0, C 1, G 2, T 3, anything else 4), m columns of a matrix.
"""

import numpy as np
from numba import njit

N_BASES = 4
BLOCKED = -1e9  # log-odds of a site that holds an unknown base


@njit(cache=True, nogil=True)
def count_kmers(windows, k):
    """Return int64 (4^k,), in how many windows each k-mer or its reverse complement stands.

    A k-mer and its reverse complement share the count of the smaller code.
    """
    size = 1 << (2 * k)
    counts = np.zeros(size, np.int64)
    last = np.full(size, -1, np.int64)
    mask, top = size - 1, 2 * (k - 1)
    for i in range(len(windows)):
        forward, backward, length = 0, 0, 0
        for position in range(windows.shape[1]):
            base = windows[i, position]
            if base > 3:
                length = 0
                continue
            forward = ((forward << 2) | base) & mask
            backward = (backward >> 2) | ((3 - base) << top)
            length += 1
            if length >= k:
                code = min(forward, backward)
                if last[code] != i:
                    last[code] = i
                    counts[code] += 1
    return counts


@njit(cache=True, nogil=True)
def _site_scores(window, weights, scores):
    """Write every site's log-odds, forward strand then backward, into scores (2, w - m + 1)."""
    m = len(weights)
    for start in range(len(window) - m + 1):
        forward, backward = 0.0, 0.0
        for column in range(m):
            base = window[start + column]
            if base > 3:
                forward = backward = BLOCKED
                break
            forward += weights[column, base]
            backward += weights[m - 1 - column, 3 - base]
        scores[0, start] = forward
        scores[1, start] = backward


@njit(cache=True, nogil=True)
def score_sites(windows, weights):
    """Return float64 (n, 2): the best site's log-odds, and the log of the mean odds of all."""
    n_sites = windows.shape[1] - len(weights) + 1
    scores = np.empty((2, n_sites))
    found = np.empty((len(windows), 2))
    for i in range(len(windows)):
        _site_scores(windows[i], weights, scores)
        best = scores.max()
        found[i, 0] = best
        found[i, 1] = best + np.log(np.exp(scores - best).sum() / (2 * n_sites))
    return found


@njit(cache=True, nogil=True)
def _expect(windows, weights, prior):
    """Return expected counts of bases (m, 4), and of windows with a site: one or none each."""
    m = len(weights)
    n_sites = windows.shape[1] - m + 1
    scores = np.empty((2, n_sites))
    counts = np.zeros((m, 4))
    total = 0.0
    for i in range(len(windows)):
        _site_scores(windows[i], weights, scores)
        best = scores.max()
        odds = np.exp(scores - best)
        share = prior / (2 * n_sites)
        evidence = share * odds.sum()
        chance = evidence / (evidence + (1 - prior) * np.exp(-best))
        total += chance
        odds *= chance / odds.sum()
        for start in range(n_sites):
            for strand in range(2):
                weight = odds[strand, start]
                if weight < 1e-4:
                    continue
                for column in range(m):
                    if strand == 0:
                        counts[column, windows[i, start + column]] += weight
                    else:
                        counts[m - 1 - column, 3 - windows[i, start + column]] += weight
    return counts, total


def fit_weights(
    windows: np.ndarray, seed: np.ndarray, background: np.ndarray, *, iterations: int, flank: int
) -> np.ndarray:
    """Return log-odds float64 (m, 4) fitted to windows of which some hold a site.

    Expectation maximisation of one site or none per window: Bailey & Elkan 1994, "Fitting a
    mixture model by expectation maximization to discover motifs in biopolymers".

    Args:
        windows: uint8 (n, w).
        seed: codes of the k-mer to begin with; m is its length and ``flank`` bases on each side.
        background: frequencies (4,).
    """
    start = np.full((len(seed) + 2 * flank, N_BASES), 1.0 / N_BASES)
    start[flank : flank + len(seed)] = 0.05
    start[np.arange(len(seed)) + flank, seed] = 0.85
    weights, prior = np.log(start / background), 0.5
    for _ in range(iterations):
        counts, total = _expect(windows, weights, prior)
        probs = (counts + background) / (counts + background).sum(axis=1, keepdims=True)
        weights = np.log(probs / background)
        prior = min(max(total / len(windows), 0.01), 0.99)
    return weights
