"""``basewise status``: how far a run has come."""

import argparse

from basewise.status import SILENT_S, format_status, read_status


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "status",
        help="show which shards of a run are done, running or failed, its speed and what is left",
        description="Reads what the jobs of the workflow write, and asks neither Snakemake nor a "
        "cluster. A shard is lost when its log ended without an error and was silent since.",
    )
    parser.add_argument(
        "directory", nargs="?", default=".", metavar="DIR", help="where snakemake runs (here)"
    )
    parser.add_argument(
        "--silent",
        type=float,
        default=SILENT_S,
        metavar="SECONDS",
        help="without a line for so long a job counts as lost (%(default).0f)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print a few lines per assembly and model."""
    for line in format_status(read_status(arguments.directory, silent_s=arguments.silent)):
        print(line)
