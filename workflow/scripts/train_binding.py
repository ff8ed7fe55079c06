"""Train a model of binding on the windows, or the signals, of one assembly."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.inference.devices import select_devices, use_compilation_cache
from basewise.report.binding_figure import plot_training
from basewise.smk import configure_logging
from basewise.training.binding.chapter import make_settings
from basewise.training.binding.train import train_binding

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

devices = select_devices(
    snakemake.resources.platform,
    threads=snakemake.threads,
    promised=snakemake.resources.devices_per_job,
)
use_compilation_cache(snakemake.resources.compilation_cache, devices)

train_binding(
    make_settings(
        snakemake.params.training,
        name=f"{snakemake.wildcards.assembly}_binding",
        files=snakemake.input,
        encoders=snakemake.params.encoders,
        species=snakemake.params.species,
    ),
    Path(snakemake.output.config).parent,
    on_other_state="restart",
)
plot_training(snakemake.output.metrics, snakemake.output.figure)
