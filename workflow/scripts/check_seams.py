"""Fail when a track jumps at the seams between tiles."""

from typing import TYPE_CHECKING

from basewise.smk import configure_logging
from basewise.tracks.seam_tables import check_summary

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

check_summary(snakemake.input.table, snakemake.output.verdicts)
