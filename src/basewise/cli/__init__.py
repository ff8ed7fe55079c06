"""The command line: one thing at a time, the same functions as the workflow."""

import argparse
import logging
import sys

from basewise import __version__
from basewise.cli import checkpoint, embed, estimate, models, predict, status, toy, train
from basewise.errors import BasewiseError

COMMANDS = (models, checkpoint, predict, embed, estimate, status, train, toy)


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0, or 1 after one line that says what is wrong."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.WARNING if arguments.quiet else logging.INFO,
        format="%(message)s",
        stream=sys.stderr,
    )
    for name in ("jax", "absl", "numexpr"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        arguments.run(arguments)
    except BasewiseError as error:
        print(f"basewise: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"basewise: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="basewise",
        description="Base-resolution genome annotation with DNA foundation models.",
    )
    parser.add_argument("--version", action="version", version=f"basewise {__version__}")
    parser.add_argument("--quiet", action="store_true", help="say only what goes wrong")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
