"""Contexts: from the name of a biotype to the text that is encoded, or to a row of a table."""

import csv
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.intervals import open_text

logger = logging.getLogger(__name__)

BIOTYPE = "biotype"
COLUMNS = ("germ_layer", "cellline_cat")  # of ReMap's table of biotypes
DELIMITER = " | "


@dataclass(frozen=True)
class ContextTable:
    """Contexts by number, sorted by name: for a table with one learned row each."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "ContextTable":
        """The table of names, each once.

        Raises:
            BasewiseError: no name at all.
        """
        distinct = tuple(sorted(set(names)))
        if not distinct:
            raise BasewiseError("a table of contexts needs at least one")
        return cls(distinct)

    def ids(self, contexts: Sequence[str]) -> np.ndarray:
        """Return int32 (n,), the row of each context.

        Raises:
            BasewiseError: a context that the table does not have; names the nearest.
        """
        rows = {name: row for row, name in enumerate(self.names)}
        for context in contexts:
            if context not in rows:
                raise BasewiseError(
                    "the table of contexts has no row for a context",
                    found=repr(context),
                    hint=nearest(context, self.names),
                )
        return np.array([rows[context] for context in contexts], np.int32)


def read_biotypes(
    path: str | PathLike, columns: Sequence[str] = COLUMNS, *, delimiter: str = DELIMITER
) -> dict[str, str]:
    """Return the text of each biotype of a table: its name and what columns say of it.

    Args:
        path: with a header that names `biotype` and the columns; separated by commas where the
            name ends in .csv, else by tabs. Of several rows of a biotype the first counts.

    Raises:
        BasewiseError: no such file, no such column, or a row that is too short (with its line).
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(f"the table of biotypes {path} does not exist")
    if not columns:
        raise BasewiseError("a table of biotypes is read for its columns", found="none named")
    separator = "," if path.name.removesuffix(".gz").endswith(".csv") else "\t"
    texts = {}
    with open_text(path) as stream:
        reader = csv.DictReader(stream, delimiter=separator)
        header = reader.fieldnames or ()
        for column in (BIOTYPE, *columns):
            if column not in header:
                raise BasewiseError(
                    f"{path} has no column {column}", found=", ".join(header) or "an empty file"
                )
        for row in reader:
            parts = [row[column] for column in (BIOTYPE, *columns)]
            if None in parts:
                raise BasewiseError(f"{path} line {reader.line_num} has too few columns")
            texts.setdefault(parts[0], delimiter.join(parts))
    return texts


def describe_contexts(biotypes: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each biotype; its name alone, with a warning, where nothing is known."""
    distinct = list(dict.fromkeys(biotypes))
    unknown = [name for name in distinct if name not in texts]
    if texts and unknown:
        logger.warning(
            "%d of %d biotypes are not in the table of biotypes, and go by their names alone: %s",
            *(len(unknown), len(distinct), ", ".join(unknown[:5])),
        )
    return {name: texts.get(name, name) for name in distinct}
