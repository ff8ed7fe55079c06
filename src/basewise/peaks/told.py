"""Targets and biotypes that a store of peaks or a table of signals tells of."""

import os

import pandas as pd

from basewise.errors import BasewiseError
from basewise.peaks.store import PeakStore

COLUMNS = ("target", "biotype")


def list_told(
    column: str, *, store: str | os.PathLike | None = None, signals: str | os.PathLike | None = None
) -> list[str]:
    """Return the distinct names of a column in order.

    Args:
        column: "target" or "biotype".
        store: of `write_store`.
        signals: the table signals.tsv of `bin_signals`.

    Raises:
        BasewiseError: a file that is neither, or no name in them.
    """
    names: set[str] = set()
    if store:
        names |= set(PeakStore(store).scopes()[column].astype(str))
    if signals:
        table = pd.read_csv(signals, sep="\t", dtype=str, keep_default_na=False)
        if column not in table:
            raise BasewiseError(f"{signals} is no table of signals", found=f"no column {column}")
        names |= set(table[column])
    if not names:
        raise BasewiseError(f"there is no {column} to encode", found=f"{store or signals} is empty")
    return sorted(names)
