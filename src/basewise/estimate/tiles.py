"""How many tiles an assembly is cut into, from lengths and gaps alone."""

from dataclasses import dataclass

import numpy as np

from basewise.errors import BasewiseError
from basewise.estimate.genomes import KnownGenome
from basewise.intervals import IntervalMap
from basewise.tiling import TileSpec, cut_tiles, find_scorable_between

NOTHING = np.empty((0, 2), np.int64)


@dataclass(frozen=True)
class TileCount:
    """The tiles of an assembly.

    Attributes:
        scorable_bp: bases that tiles cover, short gaps of one-hot models among them; at most these
            get values.
        read_bp: bases that all windows read, halos included.
    """

    scorable_bp: int
    tiles: int
    read_bp: int


def count_tiles(
    genome: KnownGenome,
    spec: TileSpec,
    *,
    max_ambiguous_run_bp: int,
    exclude: IntervalMap | None = None,
) -> TileCount:
    """Return what ``plan_shards`` would make; without known gaps, as if there were none.

    Raises:
        BasewiseError: no chrom is long enough for the model.
    """
    scorable_bp = tiles = read_bp = 0
    for chrom, size in genome.chromsizes.items():
        scorable = find_scorable_between(
            (genome.gaps or {}).get(chrom, NOTHING),
            size,
            spec,
            max_ambiguous_run_bp=max_ambiguous_run_bp,
            exclude=None if exclude is None else exclude.get(chrom),
        )
        for region, stretch in zip(scorable.regions, scorable.stretches, strict=True):
            rows = cut_tiles(tuple(region.tolist()), tuple(stretch.tolist()), spec)
            scorable_bp += int(region[1] - region[0])
            tiles += len(rows)
            read_bp += int((rows[:, 1] - rows[:, 0]).sum())
    if not tiles:
        raise BasewiseError(
            "no chrom is long enough for this model",
            found=f"at most {max(genome.chromsizes.values())} bp ({genome.source})",
            hint=f"It reads at least {min(spec.contexts())} bp at once.",
        )
    return TileCount(scorable_bp, tiles, read_bp)
