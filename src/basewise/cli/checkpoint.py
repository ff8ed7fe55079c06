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
    _add_bind(actions)


def _add_bind(actions) -> None:
    bind = actions.add_parser(
        "bind",
        help="make a checkpoint that draws the tracks of some targets",
        description="The pairs of a table are encoded as the model of binding was trained to read "
        "them, and become its tracks. What comes of it is given to basewise predict.",
    )
    bind.add_argument("source", metavar="SRC", help="the checkpoint of a model of binding")
    bind.add_argument(
        "--targets",
        metavar="TSV",
        required=True,
        help="columns target, biotype and at will protein, name, colour, unseen_biotype",
    )
    bind.add_argument(
        "--proteins", metavar="PATH", help="folder of FASTA files GENE.ENTRY.fasta, or one FASTA"
    )
    bind.add_argument("--out", metavar="DIR", required=True, help="the checkpoint to make")
    bind.add_argument("--name", help="of the checkpoint; SRC's with _tracks by default")
    bind.add_argument(
        "--step-bp", type=int, metavar="BP", help="bp per value; a bin of the trunk by default"
    )
    bind.add_argument(
        "--biotypes",
        metavar="TABLE",
        help="what the model read beside a biotype's name, where that was so in training",
    )
    bind.add_argument("--biotype-columns", metavar="NAME", nargs="+", help="its columns, in order")
    bind.set_defaults(run=run_bind)


def run_bind(arguments: argparse.Namespace) -> None:
    """Make a checkpoint that draws the tracks of a table's pairs."""
    import yaml

    from basewise.encoders.contexts import COLUMNS, read_biotypes
    from basewise.estimate.shipped import find_shipped
    from basewise.targets import read_targets
    from basewise.training.binding.bind import bind_targets

    schema = yaml.safe_load(find_shipped("workflow/schemas/targets.schema.yaml").read_text())
    texts = {}
    if arguments.biotypes:
        texts = read_biotypes(arguments.biotypes, arguments.biotype_columns or COLUMNS)
    bind_targets(
        arguments.source,
        read_targets(arguments.targets, schema),
        arguments.proteins,
        arguments.out,
        name=arguments.name,
        step_bp=arguments.step_bp,
        texts=texts,
    )


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
