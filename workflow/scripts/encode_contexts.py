"""Encode all biotypes of one assembly."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.encoders import build_encoder, describe_contexts, encode_biotypes, read_biotypes
from basewise.peaks import list_told
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

index = Path(snakemake.output.index)
table = snakemake.input.get("biotypes")
texts = describe_contexts(
    list_told("biotype", store=snakemake.input.store, signals=snakemake.input.signals),
    read_biotypes(table, snakemake.params.columns) if table else {},
)
encode_biotypes(
    texts,
    build_encoder(
        snakemake.params.encoder,
        kind="text",
        names=list(texts.values()),
        platform=snakemake.resources.platform,
        batch_size=snakemake.resources.batch_size,
        threads=snakemake.threads,
        promised_devices=snakemake.resources.devices_per_job,
        **snakemake.params.settings,
    ),
    index.with_name("embeddings"),
    index,
)
