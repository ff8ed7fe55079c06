"""Bind the targets of one model to its checkpoint of binding."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.encoders import read_biotypes
from basewise.inference.devices import select_devices
from basewise.smk import configure_logging
from basewise.training.binding.bind import bind_targets
from basewise.training.binding.targets import BoundTarget

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

select_devices(
    snakemake.resources.platform,
    threads=snakemake.threads,
    promised=snakemake.resources.devices_per_job,
)
biotypes = snakemake.input.get("biotypes")

bind_targets(
    Path(snakemake.input.config).parent,
    [BoundTarget(**row) for row in snakemake.params.targets],
    snakemake.input.get("proteins") or None,
    Path(snakemake.output.config).parent,
    name=snakemake.wildcards.model,
    step_bp=snakemake.params.step_bp,
    texts=read_biotypes(biotypes, snakemake.params.columns) if biotypes else None,
    species=snakemake.params.species,
    platform=snakemake.resources.platform,
    batch_size=snakemake.resources.batch_size,
    checksum=snakemake.params.checksum,
)
