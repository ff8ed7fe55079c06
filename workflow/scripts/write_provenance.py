"""Record what made the results of one assembly and model."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.provenance import write_provenance
from basewise.smk import configure_logging
from basewise.tracks.damage import set_damaged_aside

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

with set_damaged_aside():
    write_provenance(
        snakemake.output.provenance,
        config=snakemake.params.config,
        genome_record=snakemake.input.genome,
        checkpoint=Path(snakemake.input.checkpoint).parent,
        shards=list(snakemake.input.shards),
    )
