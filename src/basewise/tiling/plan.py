"""From a genome and a TileSpec to the tile files of a run's jobs."""

import logging
import os
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from basewise.atomic import scratch_directory
from basewise.errors import BasewiseError
from basewise.genome import Genome, find_gaps
from basewise.intervals import IntervalMap, covered_bp, index_bed, write_bed
from basewise.tiling.regions import find_scorable_between
from basewise.tiling.spec import TileSpec
from basewise.tiling.tiles import Tile, tile_regions, write_tiles

log = logging.getLogger(__name__)


def plan_shards(
    genome: str | os.PathLike,
    spec: TileSpec,
    *,
    outputs: Sequence[str | os.PathLike],
    regions: str | os.PathLike,
    unscored: str | os.PathLike,
    max_ambiguous_run_bp: int,
    exclude: IntervalMap | None = None,
    within: IntervalMap | None = None,
) -> None:
    """Write the tiles of a genome, split over ``outputs``.

    Args:
        outputs: one BED8 per job; some stay empty when there are more jobs than tiles.
        regions: BED of the regions that tiles cover.
        unscored: bgzipped, tabix-indexed BED4 of the other bases with the reason as name.
        exclude: intervals not to score.
        within: the only intervals to score; None for the whole genome.

    Raises:
        BasewiseError: nothing can be scored.
    """
    sequences = Genome(genome)
    tiles: list[Tile] = []
    covered: IntervalMap = {}
    unscored_rows: list[tuple[str, int, int, str]] = []
    scored_bp = 0
    for chrom, size in sequences.chromsizes.items():
        if within is not None and chrom not in within:
            continue
        scorable = find_scorable_between(
            find_gaps(sequences, chrom),
            size,
            spec,
            max_ambiguous_run_bp=max_ambiguous_run_bp,
            exclude=None if exclude is None else exclude.get(chrom),
            within=None if within is None else within[chrom],
        )
        covered[chrom] = scorable.regions
        scored_bp += covered_bp(scorable.scored)
        tiles.extend(tile_regions(chrom, scorable, spec))
        for (start, end), reason in zip(scorable.unscored.tolist(), scorable.reasons, strict=True):
            unscored_rows.append((chrom, start, end, reason))
    if not tiles:
        raise BasewiseError(
            f"{genome} has no base that this model can score",
            found=f"no stretch of {min(spec.contexts())} bp without long runs of N",
            hint="Lower tiling/context_bp, or annotate a less fragmented assembly.",
        )
    write_bed(covered, regions)
    _write_unscored(unscored_rows, Path(unscored))
    for output, shard in zip(outputs, split_tiles(tiles, len(outputs)), strict=True):
        write_tiles(shard, output)
    log.info("%d tiles over %d scorable bp in %d shards", len(tiles), scored_bp, len(outputs))


def split_tiles(tiles: Sequence[Tile], n_shards: int) -> list[Sequence[Tile]]:
    """Cut a run of tiles into ``n_shards`` runs that read about the same number of bp."""
    ends = np.array(list(accumulate(tile.context_bp for tile in tiles)))
    targets = ends[-1] * np.arange(1, n_shards) / n_shards
    cuts = [0, *np.searchsorted(ends, targets, side="left").tolist(), len(tiles)]
    return [tiles[begin:end] for begin, end in pairwise(cuts)]


def pick_tiles(tiles: Sequence[Tile], part: str) -> Sequence[Tile]:
    """Return the tiles of one of ``split_tiles``' runs; ``part`` is for example "3-of-64".

    Raises:
        BasewiseError: the text is no such part.
    """
    number, _, n_shards = part.partition("-of-")
    if not (number.isdecimal() and n_shards.isdecimal() and 1 <= int(number) <= int(n_shards)):
        raise BasewiseError("a part of the tiles is I-of-N, with I from 1 to N", found=repr(part))
    return split_tiles(tiles, int(n_shards))[int(number) - 1]


def _write_unscored(rows: list[tuple[str, int, int, str]], path: Path) -> None:
    with scratch_directory(path) as folder:
        text = folder / "unscored.bed"
        write_bed(rows, text)
        index_bed(text, path)
