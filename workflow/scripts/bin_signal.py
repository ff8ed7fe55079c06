"""Bin the bigWigs of one assembly, and list them."""

from typing import TYPE_CHECKING

from basewise.peaks.signal import bin_signals
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

bin_signals(
    snakemake.input.signals,
    snakemake.input.bigwigs,
    snakemake.input.loci,
    snakemake.output.table,
    chromsizes=snakemake.input.chromsizes,
    assembly=snakemake.wildcards.assembly,
    biotype=snakemake.params.biotype,
    resolution_bp=snakemake.params.resolution_bp,
    statistic=snakemake.params.statistic,
    off_grid=snakemake.params.off_grid,
    aliases=snakemake.input.get("aliases") or None,
    processes=snakemake.threads,
)
