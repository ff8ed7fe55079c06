"""Predict the tracks of one model for one shard of tiles."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.inference import predict_shard
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

predict_shard(
    tiles=snakemake.input.tiles,
    genome=snakemake.input.genome,
    checkpoint=Path(snakemake.input.checkpoint).parent,
    output=snakemake.output.shard,
    part=snakemake.wildcards.scatteritem,
    tracks=list(snakemake.params.tracks),
    strands=snakemake.params.strands,
    dtype=snakemake.params.dtype,
    precision=snakemake.params.precision,
    platform=snakemake.resources.platform,
    batch_size=snakemake.resources.batch_size,
    threads=snakemake.threads,
    promised_devices=snakemake.resources.devices_per_job,
    compilation_cache=snakemake.resources.compilation_cache,
)
