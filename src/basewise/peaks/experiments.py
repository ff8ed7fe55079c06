"""What is known of data sets and of biotypes beside the peaks: their sizes, their descriptions."""

import json
import logging
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.intervals import open_text

logger = logging.getLogger(__name__)

TSV_COLUMNS = ("dataset_name", "peaks_NR")
DELIMITER = " | "


def read_experiments(path: str | PathLike) -> dict[str, int]:
    """The number of non-redundant peaks of each data set, a proxy for its sequencing depth.

    Args:
        path: JSON as ReMap's interface gives it, `{"experiments": [{"details": {"datasets":
            [{"dataset_name": …, "peaks_NR": …}]}}]}`, where experiments without data sets are
            passed over; or tab columns under the header dataset_name, peaks_NR.

    Returns:
        {EXPERIMENT.TARGET.BIOTYPE: peaks}. Data sets that it does not hold are unknown, not 0.

    Raises:
        BasewiseError: the file is neither, or a number of peaks is no whole number from 0 on.
    """
    path = Path(path)
    with open_text(path) as stream:
        text = stream.read()
    is_json = text.lstrip()[:1] in ("{", "[")
    datasets = _from_json(path, text) if is_json else _from_tsv(path, text)
    sizes: dict[str, int] = {}
    for where, name, value in datasets:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or value != value or value < 0 or value != int(value):
            raise BasewiseError(
                f"{path} {where}: peaks_NR of {name!r} is no whole number", found=repr(value)
            )
        if sizes.setdefault(name, int(value)) != int(value):
            raise BasewiseError(
                f"{path} {where}: two sizes of {name!r}", found=f"{sizes[name]} and {int(value)}"
            )
    if not sizes:
        raise BasewiseError(f"{path} names no data set")
    return sizes


def _from_json(path: Path, text: str):
    try:
        content = json.loads(text)
        experiments = content["experiments"]
        for number, experiment in enumerate(experiments):
            details = experiment.get("details") or {}
            for dataset in details.get("datasets") or ():
                where = f"experiments/{number}"
                if "dataset_name" not in dataset or "peaks_NR" not in dataset:
                    logger.warning("%s %s has a data set without name or size", path, where)
                    continue
                yield where, str(dataset["dataset_name"]), dataset["peaks_NR"]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BasewiseError(
            f"{path} is not a list of ReMap's experiments",
            found=f"{type(error).__name__}: {error}",
            hint='Expected {"experiments": [{"details": {"datasets": […]}}]}, or a TSV',
        ) from None


def _from_tsv(path: Path, text: str):
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or line.startswith("#") or tuple(cells[:2]) == TSV_COLUMNS:
            continue
        if len(cells) < 2 or not cells[0]:
            raise BasewiseError(
                f"{path} line {number} is not a data set and its number of peaks",
                found=repr(line[:80]),
                hint="Expected two tab-separated columns",
            )
        value = int(cells[1]) if cells[1].isascii() and cells[1].isdigit() else cells[1]
        yield f"line {number}", cells[0], value


def read_biotypes(
    path: str | PathLike, columns: Sequence[str] = ("germ_layer", "cellline_cat")
) -> dict[str, str]:
    """A description of each biotype: its name and columns of a table, with " | " between them.

    Args:
        path: .csv, or .tsv, with a header that names `biotype` and the columns.

    Returns:
        {biotype: text} of the first row of each; a biotype not in it is its own description.
    """
    with open_text(path) as stream:
        separator = "\t" if ".tsv" in Path(path).suffixes else ","
        try:
            table = pd.read_csv(stream, sep=separator, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise BasewiseError(f"{path} is not a table of biotypes", found=error) from None
    for column in ("biotype", *columns):
        if column not in table:
            raise BasewiseError(
                f"{path} lacks a column", found=f"no {column!r}", hint=nearest(column, table)
            )
    table = table.drop_duplicates("biotype").set_index("biotype", drop=False)
    return table[["biotype", *columns]].agg(DELIMITER.join, axis=1).to_dict()
