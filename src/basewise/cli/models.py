"""``basewise models``: the zoo."""

import argparse

import pandas as pd


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser("models", help="list the published models this version runs")
    parser.add_argument("--tsv", action="store_true", help="all fields, tab-separated")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print one row per model."""
    from basewise.models.zoo import ZOO

    table = pd.DataFrame([model.to_row() for model in ZOO.values()])
    if arguments.tsv:
        print(table.to_csv(sep="\t", index=False), end="")
    else:
        shown = list(table.columns[:9])
        print(table[shown].to_string(index=False, justify="left"))
