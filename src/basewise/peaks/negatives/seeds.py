"""Random generators named by what they are for, and exact draws without repetition.

A generator is derived from the seed and the names of what is drawn (kind, chrom, scope), so what
is drawn for one scope does not depend on which others there are, on their order, or on threads.
"""

import hashlib
import json

import numpy as np


def derive_rng(seed: int, *names: str) -> np.random.Generator:
    """The generator for a seed and names: PCG64, seeded with the SHA-256 of both."""
    key = json.dumps([int(seed), *map(str, names)], ensure_ascii=True).encode()
    digest = hashlib.sha256(key).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def draw_ranks(
    rng: np.random.Generator, n_choices: int, n: int, *, replace: bool = False
) -> np.ndarray:
    """Draw `n` of the whole numbers below `n_choices`, each equally likely; sorted int64 (n,).

    Without `replace` the numbers are distinct and every set of `n` is equally likely: what was
    drawn twice is drawn again, and a random surplus is given back, neither of which prefers a
    number. More than half of the choices are drawn by drawing what is left out.
    """
    if n == 0:
        return np.empty(0, dtype=np.int64)
    if replace:
        return np.sort(rng.integers(0, n_choices, n, dtype=np.int64))
    if n > n_choices:
        raise ValueError(f"{n} distinct numbers below {n_choices}")
    if n > n_choices // 2:
        is_kept = np.ones(n_choices, dtype=bool)
        is_kept[draw_ranks(rng, n_choices, n_choices - n)] = False
        return np.flatnonzero(is_kept)
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < n:
        missing = n - len(drawn)
        more = rng.integers(0, n_choices, missing + missing // 64 + 8, dtype=np.int64)
        drawn = _distinct(np.concatenate((drawn, more)))
    surplus = len(drawn) - n
    return np.delete(drawn, rng.choice(len(drawn), surplus, replace=False, shuffle=False))


def _distinct(numbers: np.ndarray) -> np.ndarray:
    numbers.sort()
    return numbers[np.append(True, numbers[1:] != numbers[:-1])]


def share_out(n: int, weights: np.ndarray) -> np.ndarray:
    """Split `n` in proportion to weights (m,) by largest remainder: int64 (m,) that sums to `n`.

    Equal remainders go to the earlier one. All weights 0 gives all 0.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if not weights.sum():
        return np.zeros(len(weights), dtype=np.int64)
    exact = weights * (n / weights.sum())
    shares = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    order = order[weights[order] > 0]
    left = n - int(shares.sum())
    shares[np.resize(order, left) if left else order[:0]] += 1
    return shares
