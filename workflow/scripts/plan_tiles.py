"""Cut the scorable regions of one assembly into shards of tiles."""

from pathlib import Path
from typing import TYPE_CHECKING

from basewise.smk import configure_logging
from basewise.tiling import plan_shards

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

configure_logging(snakemake.log[0])

plan_shards(
    genome=snakemake.input.genome,
    checkpoint=Path(snakemake.input.checkpoint).parent,
    outputs=list(snakemake.output.tiles),
    regions=snakemake.output.regions,
    unscored=snakemake.output.unscored,
    blacklist=snakemake.input.get("blacklist") or None,
    max_ambiguous_run_bp=snakemake.params.max_ambiguous_run_bp,
    halo_bp=snakemake.params.halo_bp,
    context_bp=snakemake.params.context_bp,
)
