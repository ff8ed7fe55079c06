"""Cut the scorable regions of one assembly into shards of tiles."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.checkpoints import choose_tracks, read_config, read_tile_spec
from basewise.estimate.shards import fix_shards
from basewise.intervals import read_bed
from basewise.smk import configure_logging
from basewise.tiling import plan_shards

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

blacklist = snakemake.input.get("blacklist")
checkpoint = Path(snakemake.input.checkpoint).parent

choose_tracks(read_config(checkpoint), snakemake.params.tracks)  # before any device is asked for

fix_shards(Path(snakemake.output.tiles).with_name("shards.json"), snakemake.resources.shards)

plan_shards(
    snakemake.input.genome,
    read_tile_spec(
        checkpoint,
        context_bp=snakemake.params.context_bp,
        halo_bp=snakemake.params.halo_bp,
    ),
    outputs=[snakemake.output.tiles],
    regions=snakemake.output.regions,
    unscored=snakemake.output.unscored,
    max_ambiguous_run_bp=snakemake.params.max_ambiguous_run_bp,
    exclude=read_bed(blacklist) if blacklist else None,
)
