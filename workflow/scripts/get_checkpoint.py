"""Fetch the checkpoint of one model."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.checkpoints import fetch_checkpoint
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

fetch_checkpoint(
    snakemake.params.source,
    Path(snakemake.output.config).parent,
    checksum=snakemake.params.checksum,
    model=snakemake.wildcards.model,
    lock=snakemake.params.lock,
)
