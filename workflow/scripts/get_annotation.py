"""Fetch the annotation of one assembly, and read it once to see that it can be used."""

from typing import TYPE_CHECKING

from basewise.assemblies import check_chroms
from basewise.genome import read_dropped
from basewise.genome.fetch import fetch
from basewise.intervals import read_chromsizes
from basewise.labels import ELEMENT_NAMES, read_annotation
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

chromsizes = read_chromsizes(snakemake.input.chromsizes)

check_chroms(snakemake.params.evaluation_chroms, chromsizes, snakemake.wildcards.assembly)
fetch(
    snakemake.params.source,
    snakemake.output.annotation,
    checksum=snakemake.params.checksum,
)
read_annotation(
    snakemake.output.annotation,
    ELEMENT_NAMES,
    chromsizes,
    aliases=snakemake.input.get("aliases") or None,
    dropped=read_dropped(snakemake.input.record),
)
