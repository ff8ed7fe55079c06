"""Encode the proteins of all targets of one assembly."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.encoders import build_encoder, encode_targets
from basewise.peaks import list_told, read_proteins
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

index = Path(snakemake.output.index)

encode_targets(
    list_told("target", store=snakemake.input.store, signals=snakemake.input.signals),
    read_proteins(snakemake.input.proteins, snakemake.params.species),
    build_encoder(
        snakemake.params.encoder,
        kind="protein",
        platform=snakemake.resources.platform,
        batch_size=snakemake.resources.batch_size,
        threads=snakemake.threads,
        promised_devices=snakemake.resources.devices_per_job,
        **snakemake.params.settings,
    ),
    index.with_name("embeddings"),
    index,
)
