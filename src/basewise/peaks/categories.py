"""Text of large tables, read by its codes: it is never written out for every row.

A table of windows has up to some 10^8 rows and some 10^3 names. What names it holds is answered for
distinct ones.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from basewise.errors import BasewiseError

ROWS_AT_ONCE = 1 << 17


def read_codes(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return the code of every row, int (n,), and the names that codes stand for.

    Raises:
        BasewiseError: a row without a value.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    codes = column.cat.codes.to_numpy()
    if len(codes) and codes.min() < 0:
        raise BasewiseError(f"windows without a {column.name}", found=f"row {codes.argmin()}")
    return codes, [str(name) for name in column.cat.categories]


def list_names(column: pd.Series) -> list[str]:
    """Return the distinct names of a column, in order."""
    return sorted(count_names(column))


def count_names(column: pd.Series) -> dict[str, int]:
    """Return how many rows each name has that has one."""
    codes, names = read_codes(column)
    counts = np.zeros(len(names), np.int64)
    for first in range(0, len(codes), ROWS_AT_ONCE):
        counts += np.bincount(codes[first : first + ROWS_AT_ONCE], minlength=len(names))
    return {name: int(n) for name, n in zip(names, counts, strict=True) if n}


def join_tables(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of tables with the same columns, one after the other; text stays categories.

    `pandas.concat` makes text of categories that differ.
    """
    shared = {}
    for name in tables[0].columns:
        columns = [table[name] for table in tables]
        types = [column.dtype for column in columns]
        is_text = all(isinstance(dtype, pd.CategoricalDtype) for dtype in types)
        if is_text and any(dtype != types[0] for dtype in types):
            empty = [pd.Categorical.from_codes([], dtype=dtype) for dtype in types]
            shared[name] = union_categoricals(empty, sort_categories=True).dtype
    return pd.concat([table.astype(shared) for table in tables], ignore_index=True)
