"""The pairs of the rows of large tables, found for distinct pairs and handed to rows by code."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from basewise.peaks.categories import ROWS_AT_ONCE, read_codes
from basewise.training.binding.pairs import Pair, PairTable


def list_row_pairs(table: pd.DataFrame) -> list[Pair]:
    """Return the distinct pairs of a table with the columns target and biotype, in order."""
    (_, targets), (_, biotypes) = (read_codes(table[name]) for name in Pair._fields)
    is_held = np.zeros(len(targets) * len(biotypes), bool)
    for _, keys in _pair_keys(table):
        is_held[keys] = True
    held = (divmod(int(key), len(biotypes)) for key in np.flatnonzero(is_held))
    return sorted(Pair(targets[target], biotypes[biotype]) for target, biotype in held)


def number_rows(table: pd.DataFrame, pairs: PairTable) -> np.ndarray:
    """Return int32 (n,), the number of each row's pair.

    Raises:
        BasewiseError: a pair that the table of pairs lacks.
    """
    held = list_row_pairs(table)
    (_, targets), (_, biotypes) = (read_codes(table[name]) for name in Pair._fields)
    target_code, biotype_code = ({n: i for i, n in enumerate(own)} for own in (targets, biotypes))
    lookup = np.full(len(targets) * len(biotypes), -1, np.int32)
    keys = [target_code[pair.target] * len(biotypes) + biotype_code[pair.biotype] for pair in held]
    lookup[keys] = pairs.numbers([pair.target for pair in held], [pair.biotype for pair in held])
    numbers = np.empty(len(table), np.int32)
    for rows, keys in _pair_keys(table):
        numbers[rows] = lookup[keys]
    return numbers


def _pair_keys(table: pd.DataFrame) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows, and for each target code * biotypes + biotype code, some of them at a time."""
    (targets, _), (biotypes, names) = (read_codes(table[name]) for name in Pair._fields)
    for first in range(0, len(targets), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        yield rows, targets[rows].astype(np.int64) * len(names) + biotypes[rows]
