"""The table of targets whose tracks a model of binding draws: typed and checked rows."""

import os
from pathlib import Path

from basewise.assemblies import read_rows
from basewise.config import fill_defaults, read_numbers, validate
from basewise.errors import BasewiseError
from basewise.training.binding.targets import BoundTarget, check_targets

WORDS = {"yes": "true", "no": "false"}


def read_targets(path: str | os.PathLike, schema: dict) -> list[BoundTarget]:
    """Rows of a tab-separated table of targets, typed and completed by the schema.

    Raises:
        BasewiseError: no such file, a column or a cell that the schema refuses, a protein's FASTA
            that does not exist, a pair or a name that comes twice; names file, line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(
            f"the table of targets {path} does not exist",
            hint=f"Paths are relative to the working directory, {Path.cwd()}.",
        )
    targets = []
    for line, cells in read_rows(path, list(schema["properties"])):
        told = {name: text for name, text in cells.items() if text}
        if "unseen_biotype" in told:
            text = told["unseen_biotype"].lower()
            told["unseen_biotype"] = WORDS.get(text, text)
        row = read_numbers(told, schema)
        where = f"{path} line {line}"
        validate(row, schema, what=f"{where}: column")
        row = fill_defaults(row, schema)
        if row["protein"] and not Path(row["protein"]).is_file():
            raise BasewiseError(
                f"{where}: column 'protein' names no file", found=repr(row["protein"])
            )
        targets.append(BoundTarget(**row, where=where))
    if not targets:
        raise BasewiseError(f"{path} lists no target", hint="Add one row per track.")
    check_targets(targets)
    return targets
