"""Fetch what is known of the experiments of one assembly, and read it once."""

from typing import TYPE_CHECKING

from basewise.genome.fetch import fetch
from basewise.peaks import read_experiments
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

fetch(
    snakemake.params.source,
    snakemake.output.experiments,
    checksum=snakemake.params.checksum,
)
read_experiments(snakemake.output.experiments)
