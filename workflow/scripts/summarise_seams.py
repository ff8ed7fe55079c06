"""Gather and judge the seams of all tracks in one table and one figure."""

from typing import TYPE_CHECKING

from basewise.report.seam_figure import plot_seams
from basewise.smk import configure_logging
from basewise.tracks.seam_tables import summarise_seams

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

summarise_seams(
    list(snakemake.input.seams),
    snakemake.output.table,
    tolerance=snakemake.params.seam_tolerance,
)
plot_seams(list(snakemake.input.profiles), snakemake.output.figure)
