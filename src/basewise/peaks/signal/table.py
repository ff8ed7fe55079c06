"""Which bigWigs there are, and the target and biotype each measures.

Two tables are understood:

- our own: tab-separated with a header; columns `name` and `target`, and at will `biotype` and
  `path` (relative to the folder; else the file of that name in the folder is taken). Each row
  must have its file.
- the experiment list of ChIP-Atlas (`experimentList.tab`, doi:10.15252/embr.201846255): no
  header; column 1 is the experiment, hence the name of its file, 2 the assembly, 4 the antigen,
  taken upper-case as the target, 5 the class of cells and 6 the cell type, either of which may be
  the biotype. Rows of other assemblies and those whose file
  is not in the folder are left out.
"""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from basewise.errors import BasewiseError, nearest
from basewise.intervals import open_text

logger = logging.getLogger(__name__)

COLUMNS = ("name", "target", "biotype", "path")
SUFFIXES = (".bw", ".bigwig")
BIOTYPE_COLUMNS = {"cell_class": 4, "cell_type": 5}  # 0-based columns of ChIP-Atlas
LEGAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Signal:
    """One bigWig: its name, used for files; the target and biotype it measures; its path."""

    name: str
    target: str
    biotype: str
    path: Path


def read_signals(
    table: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    assembly: str | None = None,
    biotype: str = "cell_class",
) -> list[Signal]:
    """The bigWigs of a table, in its order.

    Args:
        table: The table, plain or gzip; a header with a column `name` makes it our own.
        folder: Where the bigWigs lie, as `<name>.bw`, `.bigWig` or `.bigwig`.
        assembly: The rows of ChIP-Atlas to take; None takes all.
        biotype: Which column of ChIP-Atlas is the biotype, "cell_class" or "cell_type".

    Raises:
        BasewiseError: Table or folder is missing, a row is not understood or repeats a name, a
            file that a row needs is missing, or no row is left.
    """
    if biotype not in BIOTYPE_COLUMNS:
        raise BasewiseError(
            "unknown column of biotypes",
            found=repr(biotype),
            hint=nearest(biotype, BIOTYPE_COLUMNS),
        )
    files = _list_files(Path(folder))
    rows = _read_rows(Path(table))
    number, header = next(rows, (0, []))
    if "name" in header:
        _check_header(table, number, header)
        found = _own_rows(table, header, rows, Path(folder), files)
    else:
        found = _atlas_rows(table, (number, header), rows, files, assembly, biotype)
    signals: dict[str, Signal] = {}
    lines: dict[str, int] = {}
    for number, signal in found:
        if not LEGAL_NAME.fullmatch(signal.name):
            raise BasewiseError(
                f"{table} line {number}: the name of a signal cannot name a file",
                found=repr(signal.name),
                hint="Use letters, digits and _ . + -",
            )
        if signal.name in signals:
            raise BasewiseError(
                f"{table} line {number} repeats the name of line {lines[signal.name]}",
                found=repr(signal.name),
            )
        signals[signal.name], lines[signal.name] = signal, number
    if not signals:
        raise BasewiseError(
            f"{table} names no signal" + (f" of assembly '{assembly}'" if assembly else ""),
            found=f"{len(files)} bigWigs in {folder}",
            hint="The files must be named as the first column, with .bw or .bigWig",
        )
    return list(signals.values())


def _list_files(folder: Path) -> dict[str, Path]:
    """The bigWigs of a folder by name."""
    if not folder.is_dir():
        raise BasewiseError(f"the folder of bigWigs is missing: {folder}")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            if path.stem in files:
                raise BasewiseError(
                    f"{folder} holds two bigWigs of one name",
                    found=f"{files[path.stem].name} and {path.name}",
                )
            files[path.stem] = path
    return files


def _read_rows(table: Path) -> Iterator[tuple[int, list[str]]]:
    with open_text(table) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip() and not line.startswith("#"):
                yield number, [cell.strip() for cell in line.rstrip("\n").split("\t")]


def _check_header(table: str | os.PathLike, number: int, header: list[str]) -> None:
    for column in header:
        if column not in COLUMNS:
            raise BasewiseError(
                f"{table} line {number}: column '{column}' is not known",
                hint=nearest(column, COLUMNS),
            )
    if "target" not in header or len(set(header)) < len(header):
        raise BasewiseError(
            f"{table} line {number}: the header needs the columns name and target, each once",
            found=", ".join(header),
        )


def _own_rows(table, header, rows, folder: Path, files) -> Iterator[tuple[int, Signal]]:
    for number, cells in rows:
        if len(cells) > len(header):
            raise BasewiseError(
                f"{table} line {number}: the row has more cells than the header",
                found=f"{len(cells)} cells, {len(header)} columns",
            )
        row = dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False))
        if not row["name"] or not row["target"]:
            raise BasewiseError(f"{table} line {number} lacks a name or a target", found=cells)
        path = folder / row["path"] if row["path"] else files.get(row["name"])
        if path is None or not path.is_file():
            raise BasewiseError(
                f"{table} line {number}: the bigWig of '{row['name']}' is missing",
                found=f"nothing at {path or folder / (row['name'] + '.bw')}",
                hint=nearest(row["name"], files) if files and not row["path"] else None,
            )
        yield number, Signal(row["name"], row["target"], row["biotype"], path)


def _atlas_rows(table, first, rows, files, assembly, biotype) -> Iterator[tuple[int, Signal]]:
    absent = 0
    for number, cells in (first, *rows) if first[1] else ():
        if len(cells) <= max(BIOTYPE_COLUMNS.values()):
            raise BasewiseError(
                f"{table} line {number} is no row of ChIP-Atlas",
                found=f"{len(cells)} columns",
                hint="Give 6 or more tab-separated columns, or a header that has a column 'name'",
            )
        if assembly is not None and cells[1] != assembly:
            continue
        if cells[0] not in files:
            absent += 1
            continue
        target, biotype_of = cells[3].upper(), cells[BIOTYPE_COLUMNS[biotype]]
        yield number, Signal(cells[0], target, biotype_of, files[cells[0]])
    if absent:
        logger.info("%s: %d experiments left out, because they have no bigWig", table, absent)
