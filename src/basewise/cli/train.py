"""``basewise train``: a model fitted to an annotated genome."""

import argparse
from pathlib import Path


def add_parser(commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("train", help="train a model on an annotated genome")
    actions = parser.add_subparsers(required=True, metavar="TASK")
    segmentation = actions.add_parser(
        "segmentation", help="train a SegmentNT on per-base labels from a GTF, GFF3 or BED"
    )
    segmentation.add_argument("--config", type=Path, required=True, metavar="YAML")
    segmentation.add_argument("--out", type=Path, required=True, metavar="DIR")
    segmentation.set_defaults(run=run_segmentation)


def run_segmentation(arguments: argparse.Namespace) -> None:
    """Train as the YAML says and write the checkpoint, with metrics.jsonl beside it."""
    import yaml

    from basewise.training.segmentation import train_segmentation

    train_segmentation(yaml.safe_load(arguments.config.read_text()), arguments.out)
