"""Embed the regions or records of one assembly with one language model."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.inference import EmbedRequest, embed_fasta
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

embed_fasta(
    checkpoint=Path(snakemake.input.checkpoint).parent,
    fasta=snakemake.input.genome,
    output=Path(snakemake.output.embeddings) / f"embeddings.{snakemake.params.format}",
    request=EmbedRequest.of_chapter(snakemake.params.request),
    regions=snakemake.input.regions or None,
    precision=snakemake.params.precision,
    platform=snakemake.resources.platform,
    batch_size=snakemake.resources.batch_size,
    threads=snakemake.threads,
    promised_devices=snakemake.resources.devices_per_job,
    compilation_cache=snakemake.resources.compilation_cache,
)
