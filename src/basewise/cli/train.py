"""``basewise train``: a model fitted to an annotated genome, or to where factors bind."""

import argparse
from pathlib import Path

import yaml

from basewise.errors import BasewiseError


def add_parser(commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("train", help="train a model on an annotated genome, or on peaks")
    actions = parser.add_subparsers(required=True, metavar="TASK")
    segmentation = actions.add_parser(
        "segmentation", help="train a SegmentNT on per-base labels from a GTF, GFF3 or BED"
    )
    segmentation.add_argument("--config", type=Path, required=True, metavar="YAML")
    segmentation.add_argument("--out", type=Path, required=True, metavar="DIR")
    segmentation.set_defaults(run=run_segmentation)
    binding = actions.add_parser(
        "binding", help="train a model of binding on windows of peaks, or on bigWigs"
    )
    binding.add_argument("--config", type=Path, required=True, metavar="YAML")
    binding.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the checkpoint; a run that was killed goes on from what it left there",
    )
    binding.add_argument(
        "--restart", action="store_true", help="start afresh where settings or data have changed"
    )
    binding.set_defaults(run=run_binding)


def run_segmentation(arguments: argparse.Namespace) -> None:
    """Train as the YAML says and write the checkpoint, with metrics.jsonl beside it."""
    from basewise.training.segmentation import train_segmentation

    train_segmentation(read_settings(arguments.config), arguments.out)


def run_binding(arguments: argparse.Namespace) -> None:
    """Train as the YAML says and write the checkpoint, with metrics.jsonl beside it."""
    from basewise.training.binding.train import train_binding

    train_binding(
        read_settings(arguments.config),
        arguments.out,
        on_other_state="restart" if arguments.restart else "refuse",
    )


def read_settings(path: Path) -> dict:
    """Return the mapping in a YAML file.

    Raises:
        BasewiseError: the file is not YAML, with the line, or holds no mapping.
    """
    try:
        settings = yaml.safe_load(path.read_text())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise BasewiseError(f"{path} line {line} is not YAML", found=error.problem) from None
    if not isinstance(settings, dict):
        raise BasewiseError(f"{path} should hold keys and values", found=type(settings).__name__)
    return settings
