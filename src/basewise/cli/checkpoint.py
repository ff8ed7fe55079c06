"""``basewise checkpoint``: what a checkpoint directory holds, and making one of published files."""

import argparse
import json
import math
from pathlib import Path

from basewise.checkpoints import hash_checkpoint, read_config
from basewise.checkpoints.config import HUB, is_encoder
from basewise.errors import BasewiseError


def add_parser(commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("checkpoint", help="look at a checkpoint, import published ones")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    show = actions.add_parser("show", help="check a checkpoint and print what it is")
    show.add_argument("checkpoint", metavar="DIR")
    show.add_argument("--arrays", action="store_true", help="list every array with its shape")
    show.set_defaults(run=run_show)
    bring = actions.add_parser("import", help="make a checkpoint of published files")
    bring.add_argument(
        "source",
        metavar="SRC",
        nargs="+",
        help="a snapshot directory, the files themselves, or hf://OWNER/NAME[@REVISION]",
    )
    bring.add_argument("--model", metavar="NAME", required=True, help="as basewise models says")
    bring.add_argument("--out", metavar="DIR", required=True, help="the checkpoint to make")
    bring.add_argument(
        "--config",
        metavar="JSON",
        help="fields of the model's configuration that its files do not tell, or that should "
        "differ: attention_heads, num_attention_heads, target_length, features, layer_norm_eps, "
        "context_bp …",
    )
    bring.add_argument("--revision", help="of local files, to be recorded")
    bring.set_defaults(run=run_import)


def run_show(arguments: argparse.Namespace) -> None:
    """Print the config, the size and the hash of a checkpoint whose arrays fit its config."""
    from basewise.checkpoints.store import check_checkpoint

    shapes = check_checkpoint(arguments.checkpoint)
    described = read_config(arguments.checkpoint)
    described["parameters"] = sum(math.prod(shape) for shape in shapes.values())
    described["arrays"] = len(shapes)
    described["sha256"] = hash_checkpoint(arguments.checkpoint)
    if is_encoder(described):
        n_tokens = described["architecture"]["vocabulary"].count("\n") + 1
        described["architecture"]["vocabulary"] = f"{n_tokens} tokens"
    print(json.dumps(described, indent=2))
    if arguments.arrays:
        for name in sorted(shapes):
            print(f"{name}\t{tuple(shapes[name])}")


def run_import(arguments: argparse.Namespace) -> None:
    """Make a checkpoint directory of a model's published files."""
    remote = [source for source in arguments.source if source.startswith(HUB)]
    if not remote:
        from basewise.checkpoints.published import import_checkpoint

        import_checkpoint(
            arguments.source,
            arguments.model,
            arguments.out,
            revision=arguments.revision,
            overrides=arguments.config,
        )
        return
    if len(arguments.source) > 1 or arguments.revision or arguments.config:
        raise BasewiseError(
            f"{remote[0]} is a source of its own",
            found="other sources, --config or --revision beside it",
            hint="A revision is written hf://OWNER/NAME@REVISION.",
        )
    from basewise.checkpoints.hub import fetch_published

    fetch_published(remote[0], Path(arguments.out), model_name=arguments.model)
