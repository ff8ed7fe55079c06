"""Hold the tracks of one assembly and model of binding against peaks."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.checkpoints.config import read_config
from basewise.evaluation.binding.tracks import evaluate_tracks
from basewise.intervals import read_chromsizes
from basewise.peaks.splits import SplitRules
from basewise.report.binding_tracks_figure import plot_tracks
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

evaluate_tracks(
    {Path(track).stem: track for track in snakemake.input.tracks},
    read_config(Path(snakemake.input.checkpoint).parent)["pairs"],
    snakemake.input.store,
    read_chromsizes(snakemake.input.chromsizes),
    output=snakemake.output.table,
    curves=snakemake.output.curves,
    rules=SplitRules(**snakemake.params.splits),
    blacklist=snakemake.input.get("blacklist") or None,
    bin_bp=snakemake.params.bin_bp,
    step_bp=snakemake.params.step_bp,
    processes=snakemake.threads,
)
plot_tracks(snakemake.output.table, snakemake.output.curves, snakemake.output.figure)
