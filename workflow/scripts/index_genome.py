"""List the chroms of one assembly, where they lie in its FASTA, and their gaps."""

from typing import TYPE_CHECKING

from basewise.genome import index_genome
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

index_genome(
    snakemake.input.fasta,
    snakemake.output.fai,
    snakemake.output.chromsizes,
    snakemake.output.gaps,
)
