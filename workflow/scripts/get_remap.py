"""Fetch the catalogue of peaks of one assembly."""

from typing import TYPE_CHECKING

from basewise.genome.fetch import fetch
from basewise.peaks.remap import find_remap
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

url, _ = find_remap(snakemake.params.source)

fetch(url, snakemake.output.peaks, checksum=snakemake.params.checksum)
