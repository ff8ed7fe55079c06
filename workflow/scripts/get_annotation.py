"""Fetch the annotation of one assembly."""

from typing import TYPE_CHECKING

from basewise.genome.fetch import fetch
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

fetch(
    snakemake.params.source,
    snakemake.output.annotation,
    checksum=snakemake.params.checksum,
)
