"""Call the elements of all tracks of one assembly and model."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.calling import call_elements
from basewise.checkpoints.config import read_config
from basewise.intervals import read_chromsizes
from basewise.smk import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

checkpoint = read_config(Path(snakemake.input.checkpoint).parent)

call_elements(
    {Path(track).stem: track for track in snakemake.input.tracks},
    read_chromsizes(snakemake.input.chromsizes),
    thresholds=snakemake.params.thresholds,
    min_length_bp=snakemake.params.min_length_bp,
    join_gap_bp=snakemake.params.join_gap_bp,
    source=f"{checkpoint['name']}@{checkpoint['revision']}",
    bed_output=snakemake.output.bed,
    gff3_output=snakemake.output.gff3,
    blacklist=snakemake.input.get("blacklist") or None,
    processes=snakemake.threads,
)
