"""Describe the peaks and negatives of one assembly in two tables and one figure."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.genome import Genome
from basewise.intervals import read_bed
from basewise.peaks.summary import summarise_peaks
from basewise.report.peaks_figure import plot_peaks
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

blacklist = snakemake.input.get("blacklist")

summarise_peaks(
    snakemake.input.store,
    {Path(path).stem: path for path in snakemake.input.get("negatives", ())},
    Genome(snakemake.input.genome),
    summary_tsv=snakemake.output.summary,
    distributions_tsv=snakemake.output.distributions,
    blacklist=read_bed(blacklist) if blacklist else None,
    **snakemake.params.windows,
)
plot_peaks(
    snakemake.input.funnel,
    snakemake.output.summary,
    snakemake.output.distributions,
    snakemake.output.figure,
)
