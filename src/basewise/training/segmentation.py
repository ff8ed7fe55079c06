"""A SegmentNT fitted to the annotation of a genome: settings in, a checkpoint out."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basewise.checkpoints.store import load_checkpoint, save_checkpoint
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.genome import Genome
from basewise.intervals import read_bed
from basewise.labels import get_element, read_annotation
from basewise.models.describe import describe_segment_nt
from basewise.models.families import build_track_model
from basewise.models.segment_nt import LENGTH_MULTIPLE_BP
from basewise.tiling import TileSpec
from basewise.training.loop import TrainingConfig, train
from basewise.training.windows import WindowSource

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentationTraining:
    """What to train, on what.

    Attributes:
        name: the checkpoint's name.
        genome: plain FASTA.
        annotation: GTF, GFF3 or BED, plain or gzip.
        elements: names of the elements to learn, in channel order.
        train_chroms, validation_chroms: chroms to learn from and to choose the best step by.
        trunk: embed_dim, attention_heads, ffn_embed_dim, num_layers, and whatever else of the
            trunk differs from a v2 trunk without vocabulary head.
        context_bp, halo_bp: bp of a window, and bp to discard of it later, on each side.
        training: fields of TrainingConfig.
        blacklist: BED of intervals that no window may touch.
        param_dtype: how the checkpoint stores floats.
        initial: a checkpoint of the same architecture to go on from; None starts afresh.
    """

    name: str
    species: str
    genome: str
    annotation: str
    elements: list[str]
    train_chroms: list[str]
    validation_chroms: list[str]
    trunk: dict
    context_bp: int
    halo_bp: int
    training: dict
    blacklist: str | None = None
    licence: str = "as the annotation"
    param_dtype: str = "float32"
    min_context_bp: int = 96
    aliases: str | None = None
    initial: str | None = None

    def __post_init__(self):
        shared = sorted(set(self.train_chroms) & set(self.validation_chroms))
        if shared:
            raise BasewiseError(
                "train_chroms and validation_chroms must not overlap", found=", ".join(shared)
            )
        for element in self.elements:
            get_element(element)

    def describe(self) -> dict:
        """Return the config.json of the checkpoint to be."""
        spec = TileSpec(
            self.context_bp,
            self.halo_bp,
            length_multiple_bp=LENGTH_MULTIPLE_BP,
            min_context_bp=self.min_context_bp,
        )
        return describe_segment_nt(
            self.name,
            self.elements,
            self.trunk,
            spec,
            species=[self.species],
            source="basewise train segmentation",
            licence=self.licence,
        )


def train_segmentation(settings: dict, checkpoint: str | os.PathLike) -> None:
    """Train as the settings say; write the checkpoint and ``metrics.jsonl`` beside it.

    Args:
        settings: the fields of SegmentationTraining.

    Raises:
        BasewiseError: an unknown or missing key, a file or chrom that is not there.
    """
    plan = check_fields(SegmentationTraining, settings, "training config")
    config = check_fields(TrainingConfig, plan.training, "training config/training")
    described = plan.describe()
    model = build_track_model(described)
    genome = Genome(plan.genome)
    labels = read_annotation(plan.annotation, plan.elements, genome.chromsizes, plan.aliases)
    exclude = read_bed(plan.blacklist, genome.chromsizes) if plan.blacklist else None

    def source(chroms: list[str]) -> WindowSource:
        return WindowSource.from_genome(
            genome,
            labels,
            plan.elements,
            context_bp=plan.context_bp,
            chroms=chroms,
            exclude=exclude,
        )

    examples, validation = source(plan.train_chroms), source(plan.validation_chroms)
    checkpoint = Path(checkpoint)
    checkpoint.mkdir(parents=True, exist_ok=True)
    metrics = checkpoint / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    params = None
    if plan.initial is not None:
        _, params, initial = load_checkpoint(plan.initial)
        if initial["architecture"] != described["architecture"]:
            raise BasewiseError(
                f"{plan.initial} has another architecture than the training config asks for",
                found=initial["architecture"],
                hint="Go on with the trunk and elements it was trained with.",
            )
    trained = train(
        model,
        lambda step: examples.draw(np.random.default_rng([config.seed, step]), config.batch_size),
        lambda: validation.sweep(config.batch_size),
        config,
        metrics_path=metrics,
        params=params,
    )
    save_checkpoint(checkpoint, described, trained.params, param_dtype=plan.param_dtype)
    log.info("checkpoint %s: best of %d validations", checkpoint, len(trained.history))
