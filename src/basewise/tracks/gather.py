"""A run's shards as one genome: do they belong together, and does each core come once?"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap, merge, subtract
from basewise.tracks.bigwig.chromtree import chrom_order
from basewise.tracks.shard import ShardReader
from basewise.tracks.shard_format import Block

RECOMPUTE = "Delete the shards that are not of this run and run again"


@dataclass(frozen=True, eq=False)
class Gathered:
    """Shards that make one genome.

    Attributes:
        readers: The shards, as given.
        blocks: Every (shard, block), by chrom name, then start.
    """

    readers: list[ShardReader]
    blocks: list[tuple[ShardReader, Block]]

    @property
    def resolution_bp(self) -> int:
        return self.readers[0].resolution_bp

    @property
    def n_tiles(self) -> int:
        return sum(reader.n_tiles for reader in self.readers)

    @property
    def bp(self) -> int:
        return sum(reader.bp for reader in self.readers)


def gather_shards(
    shards: Iterable[str | os.PathLike | ShardReader],
    chromsizes: Mapping[str, int],
    regions: IntervalMap | None = None,
) -> Gathered:
    """Open shards and check that together they hold each core once.

    Args:
        shards: Paths or readers, in any order; empty shards are welcome.
        chromsizes: Length in bp of each chrom.
        regions: The scorable regions; with them the cores must cover them exactly.

    Raises:
        BasewiseError: Shards that differ in tracks, dtype, resolution or metadata; cores that
            overlap, leave their chrom, leave a region or leave some of one out. It names the
            shard and the interval.
    """
    readers = [shard if isinstance(shard, ShardReader) else ShardReader(shard) for shard in shards]
    if not readers:
        raise BasewiseError("There are no shards to merge")
    for reader in readers[1:]:
        _check_alike(readers[0], reader)
    rank = {chrom: number for number, chrom in enumerate(chrom_order(chromsizes))}
    blocks = [(reader, block) for reader in readers for block in reader.blocks]
    for reader, block in blocks:
        if block.chrom not in rank or block.end > chromsizes[block.chrom]:
            raise BasewiseError(
                f"{reader.path} holds {block}, which is not on this genome",
                found=f"{block.chrom} of {chromsizes.get(block.chrom, 'no')} bp in chromsizes",
                hint=RECOMPUTE,
            )
    blocks.sort(key=lambda item: (rank[item[1].chrom], item[1].start))
    for (reader, block), (next_reader, next_block) in pairwise(blocks):
        if block.chrom == next_block.chrom and next_block.start < block.end:
            end = min(block.end, next_block.end)
            raise BasewiseError(
                f"{next_reader.path} and {reader.path} both hold "
                f"{block.chrom}:{next_block.start}-{end}",
                hint="Each core belongs to one shard. " + RECOMPUTE,
            )
    if regions is not None:
        _check_coverage(blocks, rank, regions)
    return Gathered(readers, blocks)


def _check_alike(first: ShardReader, other: ShardReader) -> None:
    for name in ("tracks", "dtype", "resolution_bp", "metadata"):
        ours, theirs = getattr(first, name), getattr(other, name)
        if ours == theirs:
            continue
        if name == "metadata":
            keys = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
            name = f"metadata {keys[0]!r}"
            ours, theirs = ours.get(keys[0]), theirs.get(keys[0])
        if name == "tracks":
            ours, theirs = ([track.name for track in tracks] for tracks in (ours, theirs))
        raise BasewiseError(
            f"{other.path} differs from {first.path} in {name}",
            found=f"{theirs} against {ours}",
            hint=RECOMPUTE,
        )


def _check_coverage(
    blocks: list[tuple[ShardReader, Block]], rank: Mapping[str, int], regions: IntervalMap
) -> None:
    held: dict[str, list[tuple[int, int]]] = {}
    for _, block in blocks:
        held.setdefault(block.chrom, []).append((block.start, block.end))
    nothing = np.empty((0, 2), dtype=np.int64)
    for chrom in sorted({*held, *regions}, key=lambda chrom: rank.get(chrom, -1)):
        ours, asked = merge(held.get(chrom, nothing)), merge(regions.get(chrom, nothing))
        missing, extra = subtract(asked, ours), subtract(ours, asked)
        if len(missing):
            raise BasewiseError(
                f"No shard holds {chrom}:{missing[0, 0]}-{missing[0, 1]}, which is scorable",
                found=f"{len(missing)} such interval(s) on {chrom}",
                hint="Give every shard of the run",
            )
        if len(extra):
            start, end = extra[0]
            name = next(
                reader.path
                for reader, block in blocks
                if block.chrom == chrom and block.start < end and start < block.end
            )
            raise BasewiseError(
                f"{name} holds {chrom}:{start}-{end}, which is in no scorable region",
                hint=RECOMPUTE,
            )
