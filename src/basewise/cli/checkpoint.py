"""``basewise checkpoint``: what a checkpoint directory holds."""

import argparse
import json
import math

from basewise.checkpoints import hash_checkpoint, read_config


def add_parser(commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("checkpoint", help="look at a checkpoint")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("show", help="check a checkpoint and print what it is")
    show.add_argument("checkpoint", metavar="DIR")
    show.add_argument("--arrays", action="store_true", help="list every array with its shape")
    show.set_defaults(run=run_show)


def run_show(arguments: argparse.Namespace) -> None:
    """Print the config, the size and the hash of a checkpoint whose arrays fit its config."""
    from basewise.checkpoints.store import check_checkpoint

    shapes = check_checkpoint(arguments.checkpoint)
    described = read_config(arguments.checkpoint)
    described["parameters"] = sum(math.prod(shape) for shape in shapes.values())
    described["arrays"] = len(shapes)
    described["sha256"] = hash_checkpoint(arguments.checkpoint)
    print(json.dumps(described, indent=2))
    if arguments.arrays:
        for name in sorted(shapes):
            print(f"{name}\t{tuple(shapes[name])}")
