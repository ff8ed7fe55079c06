"""Fetch, verify and normalise the FASTA of one assembly."""

from typing import TYPE_CHECKING

from basewise.genome import get_genome
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

get_genome(
    snakemake.params.source,
    snakemake.output.fasta,
    snakemake.output.record,
    checksum=snakemake.params.checksum,
    include=snakemake.params.include,
    exclude=snakemake.params.exclude,
    min_contig_bp=snakemake.params.min_contig_bp,
)
