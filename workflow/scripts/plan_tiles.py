"""Cut the scorable regions of one assembly into shards of tiles."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.checkpoints.config import read_tile_spec
from basewise.intervals import read_bed
from basewise.smk import configure_logging
from basewise.tiling import plan_shards

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

blacklist = snakemake.input.get("blacklist")

plan_shards(
    snakemake.input.genome,
    read_tile_spec(
        Path(snakemake.input.checkpoint).parent,
        context_bp=snakemake.params.context_bp,
        halo_bp=snakemake.params.halo_bp,
    ),
    outputs=list(snakemake.output.tiles),
    regions=snakemake.output.regions,
    unscored=snakemake.output.unscored,
    max_ambiguous_run_bp=snakemake.params.max_ambiguous_run_bp,
    exclude=read_bed(blacklist) if blacklist else None,
)
