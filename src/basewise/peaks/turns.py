"""Items that take turns at every level of a tree, by number alone and in an order that is random.

The v-th visit to a node with m children goes to the child at place v mod m of a permutation of
its own, number v // m, and is that child's visit v // m.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numba import njit

from basewise.errors import BasewiseError, nearest
from basewise.peaks.categories import count_names, read_codes
from basewise.peaks.shuffle import below, mix, permuted


@dataclass(frozen=True)
class Turns:
    """Rows of a table as the leaves of a tree.

    Attributes:
        rows: Row of every leaf, uint32 (n,).
        firsts: First child of each node, level after level with an end each: int64.
        levels: Where each level begins in `firsts`, int64 (levels,).
        roots: Root of every slot of a round, int64 (slots,).
        ordinals: Which of its root's slots each is, int64 (slots,).
        weights: Slots of every slot's root, int64 (slots,).
        key: Of all permutations.
    """

    rows: np.ndarray
    firsts: np.ndarray
    levels: np.ndarray
    roots: np.ndarray
    ordinals: np.ndarray
    weights: np.ndarray
    key: np.uint64

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        columns: Sequence[str],
        kind_weights: Mapping[str, int] | None,
        key: np.uint64,
    ) -> "Turns":
        """A tree with a level per column, below a root for all rows or one for each kind."""
        root, weights = _roots(table, kind_weights)
        levels = [root, *(_rank(table[name]) for name in columns)]
        rows = np.arange(len(table), dtype=np.uint32)
        if (is_left_out := root < 0).any():
            rows = rows[~is_left_out]
            levels = [level[rows] for level in levels]
        order = np.lexsort(levels[::-1]).astype(np.uint32)
        rows, levels = rows[order], [level[order] for level in levels]
        is_first = np.zeros(len(rows), dtype=bool)
        is_first[:1] = True
        starts = []
        for level in levels:
            is_first[1:] |= level[1:] != level[:-1]
            starts.append(np.append(np.flatnonzero(is_first), len(rows)))
        firsts = [np.searchsorted(b, a) for a, b in pairwise(starts)]
        firsts.append(starts[-1])
        return cls(
            rows,
            np.concatenate(firsts).astype(np.int64),
            np.append(0, np.cumsum([len(first) for first in firsts])[:-1]).astype(np.int64),
            np.repeat(np.arange(len(weights)), weights),
            np.concatenate([np.arange(weight) for weight in weights]),
            np.repeat(weights, weights),
            key,
        )

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """The row whose turn it is at every number from 0 on: int64 (n,) → int64 (n,)."""
        leaves = np.empty(len(numbers), dtype=np.int64)
        numbers = np.ascontiguousarray(numbers, dtype=np.int64)
        slots = (self.roots, self.ordinals, self.weights)
        _descend(numbers, self.firsts, self.levels, *slots, self.key, leaves)
        return self.rows[leaves].astype(np.int64)


def draw_below(key: np.uint64, numbers: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """A random whole number below each bound, by its number alone: int64 (n,)."""
    drawn = np.empty(len(numbers), dtype=np.int64)
    _draw_below(key, np.asarray(numbers, np.int64), np.asarray(bounds, np.int64), drawn)
    return drawn


def _roots(
    table: pd.DataFrame, kind_weights: Mapping[str, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """The root of every row (int16, -1 for none), and the slots of each root in a round."""
    if kind_weights is None:
        return np.zeros(len(table), dtype=np.int16), np.ones(1, dtype=np.int64)
    present = count_names(table["kind"])
    chosen = {}
    for kind, weight in kind_weights.items():
        if weight != int(weight) or weight < 0:
            raise BasewiseError(f"the weight of kind {kind!r} is no whole number", found=weight)
        if weight and kind not in present:
            raise BasewiseError(
                f"no window is of the kind {kind!r}", hint=nearest(kind, sorted(present))
            )
        if weight:
            chosen[kind] = int(weight)
    if not chosen:
        raise BasewiseError("kind_weights leaves no kind of window")
    codes, kinds = read_codes(table["kind"])
    root = pd.Index(list(chosen)).get_indexer(kinds).astype(np.int16)
    return root[codes], np.array(list(chosen.values()), dtype=np.int64)


def _rank(column: pd.Series) -> np.ndarray:
    """Whole numbers in the order of a column's values: categories as they are ordered."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return read_codes(column)[0]
    return pd.factorize(column, sort=True)[0]


@njit(cache=True, nogil=True)
def _descend(numbers, firsts, levels, roots, ordinals, weights, key, leaves):
    n_slots = len(roots)
    for i in range(len(numbers)):
        turn = numbers[i] // n_slots
        slot = permuted(numbers[i] % n_slots, n_slots, mix(key, turn))
        node = roots[slot]
        visit = turn * weights[slot] + ordinals[slot]
        for level in range(len(levels)):
            first = firsts[levels[level] + node]
            size = firsts[levels[level] + node + 1] - first
            turn = visit // size
            own = mix(mix(mix(key, level + 1), node), turn)
            node = first + permuted(visit % size, size, own)
            visit = turn
        leaves[i] = node


@njit(cache=True, nogil=True)
def _draw_below(key, numbers, bounds, drawn):
    for i in range(len(numbers)):
        drawn[i] = below(mix(key, numbers[i]), bounds[i])
