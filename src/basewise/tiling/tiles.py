"""Tiles: windows that a model reads, each with the core that is kept of it."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.tiling.regions import Scorable, count_cores
from basewise.tiling.spec import TileSpec


class Tile(NamedTuple):
    """One window of one chrom; bp, 0-based half-open.

    A padded window of a one-hot model may start before its chrom and end past it; there it reads
    N. It starts before it only by what it never predicts.
    """

    chrom: str
    start: int
    end: int
    core_start: int
    core_end: int

    @property
    def context_bp(self) -> int:
        """bp read."""
        return self.end - self.start

    @property
    def core_bp(self) -> int:
        """bp kept."""
        return self.core_end - self.core_start

    def core_offset(self, spec: TileSpec) -> int:
        """bp from the first predicted base of the window to its core."""
        return self.core_start - self.start - spec.margin_of(self.context_bp)


def cut_tiles(
    region: tuple[int, int],
    stretch: tuple[int, int],
    spec: TileSpec,
    *,
    is_exact: bool = False,
) -> np.ndarray:
    """Return int64 (n, 4): start, end, core start, core end of the tiles of one region.

    Cores are contiguous, of even length, and cover the region. Each window is centred on its core,
    less than one k-mer off so that all windows of a region cut it into the same k-mers, and moved
    inward where what it predicts would leave the stretch of readable bases.

    Args:
        region: interval to cover, inside the stretch.
        stretch: interval of bases the model can read.
    """
    start, end = region
    low, high = stretch
    context = spec.bucket(high - low, is_exact=is_exact)
    margin, predicted = spec.margin_of(context), spec.predicted_bp(context)
    keep = spec.keep_bp(context, high - low)
    n_tiles = count_cores(start, end, keep)
    core = -(-(end - start) // (n_tiles * spec.resolution_bp)) * spec.resolution_bp
    core_start = start + core * np.arange(-(-(end - start) // core), dtype=np.int64)
    core_end = np.minimum(core_start + core, end)
    earliest = low + (start - low) % spec.resolution_bp
    latest = high - predicted - (high - predicted - start) % spec.resolution_bp
    inner = (core_start + core_end - predicted) // 2
    inner -= (inner - start) % spec.phase_bp
    inner = np.maximum(inner, core_end - predicted)
    inner = np.maximum(np.minimum(inner, latest), earliest)
    window = inner - margin
    return np.stack([window, window + context, core_start, core_end], axis=1)


def tile_regions(
    chrom: str, scorable: Scorable, spec: TileSpec, *, is_exact: bool = False
) -> Iterator[Tile]:
    """Yield the tiles of every region of one chrom, in order."""
    for region, stretch in zip(scorable.regions, scorable.stretches, strict=True):
        for row in cut_tiles(tuple(region), tuple(stretch), spec, is_exact=is_exact).tolist():
            yield Tile(chrom, *row)


def write_tiles(tiles: Iterable[Tile], path: str | os.PathLike) -> None:
    """Write tiles as BED8: the window, with its core as the thick part."""
    with atomic_path(path) as temporary, open(temporary, "w") as stream:
        for number, tile in enumerate(tiles, start=1):
            stream.write(
                f"{tile.chrom}\t{tile.start}\t{tile.end}\ttile_{number}\t0\t.\t"
                f"{tile.core_start}\t{tile.core_end}\n"
            )


def read_tiles(path: str | os.PathLike) -> list[Tile]:
    """Read the tiles that ``write_tiles`` wrote.

    Raises:
        BasewiseError: a row that is not a tile, with its line number.
    """
    tiles = []
    with open(path) as stream:
        for number, line in enumerate(stream, start=1):
            columns = line.rstrip("\n").split("\t")
            try:
                chrom, start, end, _, _, _, core_start, core_end = columns
                tiles.append(Tile(chrom, int(start), int(end), int(core_start), int(core_end)))
            except ValueError:
                raise BasewiseError(
                    f"{path} line {number} is not a tile",
                    found=repr(line.rstrip()),
                    hint="Delete the file and rerun the rule plan_tiles.",
                ) from None
    return tiles
