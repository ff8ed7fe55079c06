"""Gather where the checkpoints came from into one lock."""

from typing import TYPE_CHECKING

from basewise.checkpoints import lock_checkpoints
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

lock_checkpoints(snakemake.input.origins, snakemake.output.lock)
