"""``basewise models``: the zoo."""

import argparse
from collections.abc import Iterator

SHOWN = (
    "name",
    "family",
    "parameters",
    "context_bp",
    "alphabet",
    "tracks",
    "species",
    "licence",
    "source",
)


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "models",
        help="list the published models this version runs",
        description="Tracks counts those that were trained; with 0 a model is for basewise embed. "
        "The weights are their publishers', to be used within the licence given.",
    )
    parser.add_argument(
        "--tsv",
        action="store_true",
        help="all fields, tab-separated, with names, sizes and sha256 prefixes of files",
    )
    parser.add_argument(
        "--encoders",
        action="store_true",
        help="list the encoders of proteins and text instead, for binding",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print one row per model."""
    from basewise.models.zoo import ENCODERS, ZOO

    rows = [model.to_row() for model in (ENCODERS if arguments.encoders else ZOO).values()]
    if arguments.tsv:
        for line in ([*rows[0]], *([*row.values()] for row in rows)):
            print("\t".join(map(str, line)))
    else:
        for line in _align(rows, tuple(rows[0]) if arguments.encoders else SHOWN):
            print(line)


def _align(rows: list[dict], shown: tuple[str, ...]) -> Iterator[str]:
    """Yield a table's lines: numbers to the right, text to the left."""
    cells = [dict(zip(shown, shown, strict=True)), *({c: r[c] for c in shown} for r in rows)]
    widths = {column: max(len(str(row[column])) for row in cells) for column in shown}
    is_number = {column: isinstance(rows[0][column], int) for column in shown}
    for row in cells:
        yield "  ".join(
            f"{row[column]!s:{'>' if is_number[column] else '<'}{widths[column]}}"
            for column in shown
        ).rstrip()
