"""Merge one track of all shards into a bigWig, and measure its seams."""

from typing import TYPE_CHECKING

from basewise.smk import configure_logging
from basewise.tracks.merge import merge_track

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

merge_track(
    shards=list(snakemake.input.shards),
    chromsizes=snakemake.input.chromsizes,
    track=snakemake.wildcards.track,
    output=snakemake.output.bigwig,
    seams=snakemake.output.seams,
)
