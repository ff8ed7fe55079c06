"""Score the tracks of one assembly and model against its annotation."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.evaluation import choose_chroms, evaluate_segmentation
from basewise.genome import read_dropped
from basewise.intervals import read_chromsizes
from basewise.labels import ELEMENT_NAMES, read_annotation
from basewise.report.evaluation_figure import plot_evaluation
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

tracks = {Path(track).stem: track for track in snakemake.input.tracks}
chromsizes = read_chromsizes(snakemake.input.chromsizes)
dropped = read_dropped(snakemake.input.record)

evaluate_segmentation(
    tracks,
    read_annotation(
        snakemake.input.annotation,
        [track for track in tracks if track in ELEMENT_NAMES],
        chromsizes,
        aliases=snakemake.input.get("aliases") or None,
        dropped=dropped,
    ),
    chromsizes,
    thresholds=snakemake.params.thresholds,
    chroms=snakemake.params.chroms
    or choose_chroms(
        snakemake.input.annotation,
        chromsizes,
        aliases=snakemake.input.get("aliases") or None,
        dropped=dropped,
    ),
    blacklist=snakemake.input.get("blacklist") or None,
    output_tsv=snakemake.output.metrics,
    output_curves=snakemake.output.curves,
    processes=snakemake.threads,
)
plot_evaluation(snakemake.output.metrics, snakemake.output.curves, snakemake.output.figure)
