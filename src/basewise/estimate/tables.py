"""Small tab-separated tables with comments and a header, as typed rows."""

import csv
import os
from pathlib import Path
from typing import TypeVar, get_type_hints

from basewise.errors import BasewiseError

Row = TypeVar("Row")


def read_rows(path: str | os.PathLike, kind: type[Row]) -> list[Row]:
    """Return the rows as values of a dataclass, whose fields are the columns; empty cells are None.

    Raises:
        BasewiseError: other columns than the fields, or a cell that is no number where one belongs.
    """
    hints = get_type_hints(kind)
    rows: list[Row] = []
    with Path(path).open(newline="", encoding="utf-8") as stream:
        lines = ((n, line) for n, line in enumerate(stream, start=1) if not line.startswith("#"))
        numbered = [(n, next(csv.reader([line], delimiter="\t"), [])) for n, line in lines]
    header = numbered[0][1] if numbered else []
    if header != list(hints):
        raise BasewiseError(
            f"{path} must have the columns {', '.join(hints)}", found=", ".join(header)
        )
    for number, cells in numbered[1:]:
        try:
            pairs = zip(hints.items(), cells, strict=True)
            values = {name: _read(cell, hint) for (name, hint), cell in pairs}
        except ValueError as error:
            raise BasewiseError(f"{path} line {number} is not a row", found=str(error)) from None
        rows.append(kind(**values))
    return rows


def _read(cell: str, hint: type):
    if not cell:
        return None
    return next(kind for kind in (int, float, str) if hint in (kind, kind | None))(cell)
