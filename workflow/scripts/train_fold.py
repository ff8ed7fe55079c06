"""Train a model of binding on all folds but one."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.inference.devices import select_devices, use_compilation_cache
from basewise.smk import configure_logging
from basewise.training.binding.chapter import make_settings
from basewise.training.binding.train import train_binding

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

devices = select_devices(snakemake.resources.platform, threads=snakemake.threads)
use_compilation_cache(snakemake.resources.compilation_cache, devices)
settings = make_settings(
    snakemake.params.training,
    name=f"{snakemake.wildcards.assembly}_binding",
    files=snakemake.input,
    encoders=snakemake.params.encoders,
    species=snakemake.params.species,
)
settings |= {"folds": snakemake.params.folds, "fold": int(snakemake.wildcards.fold)}
train_binding(settings, Path(snakemake.output[0]).parents[1], on_other_state="restart")
