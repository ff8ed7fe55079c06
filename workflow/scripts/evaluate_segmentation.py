"""Score the tracks of one assembly and model against its annotation."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.evaluation import evaluate_segmentation
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

evaluate_segmentation(
    {Path(track).stem: track for track in snakemake.input.tracks},
    snakemake.input.annotation,
    snakemake.input.chromsizes,
    snakemake.output.metrics,
    thresholds=snakemake.params.thresholds,
    chroms=snakemake.params.chroms,
    blacklist=snakemake.input.get("blacklist") or None,
    aliases=snakemake.input.get("aliases") or None,
)
