"""Estimate what the run will take."""

from typing import TYPE_CHECKING

from basewise.estimate.report import write_estimate
from basewise.estimate.run import estimate_run
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

write_estimate(estimate_run(snakemake.params.config, snakemake.params.rows), snakemake.output.table)
