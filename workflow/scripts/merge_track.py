"""Merge one track of all shards into a bigWig, and measure its seams."""

from typing import TYPE_CHECKING

from basewise.intervals import read_bed, read_chromsizes
from basewise.smk import configure_logging
from basewise.tracks.damage import set_damaged_aside
from basewise.tracks.merge import merge_track

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

chromsizes = read_chromsizes(snakemake.input.chromsizes)

with set_damaged_aside():
    merge_track(
        list(snakemake.input.shards),
        snakemake.wildcards.track,
        chromsizes,
        snakemake.input.unscored,
        snakemake.output.bigwig,
        snakemake.output.seams,
        regions=read_bed(snakemake.input.regions, chromsizes),
        compress_threads=snakemake.threads,
    )
