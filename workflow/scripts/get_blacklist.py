"""Fetch the blacklist of one assembly, in the assembly's chrom names."""

from typing import TYPE_CHECKING

from basewise.genome import get_blacklist, read_dropped
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

get_blacklist(
    snakemake.params.source,
    snakemake.output.blacklist,
    snakemake.input.chromsizes,
    aliases=snakemake.input.get("aliases") or None,
    checksum=snakemake.params.checksum,
    dropped=read_dropped(snakemake.input.record),
)
