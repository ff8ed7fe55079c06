"""Join the peaks of all tracks of one assembly and model."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.calling import join_peaks
from basewise.checkpoints.config import read_config
from basewise.intervals import read_chromsizes
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

described = read_config(Path(snakemake.input.checkpoint).parent)["tracks"]

join_peaks(
    {Path(path).name.removesuffix(".narrowPeak.gz"): path for path in snakemake.input.peaks},
    read_chromsizes(snakemake.input.chromsizes),
    output=snakemake.output.bed,
    colours={track["name"]: track["colour"] for track in described},
)
