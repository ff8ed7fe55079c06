"""Planning: which bases a model can score, which windows it reads for them, which job reads which.

The only place that knows about halos.
"""

from basewise.tiling.plan import pick_tiles, plan_shards, split_tiles
from basewise.tiling.regions import (
    MAX_AMBIGUOUS_RUN_BP,
    Scorable,
    check_regions,
    fill_ambiguous,
    find_scorable,
    find_scorable_between,
)
from basewise.tiling.sliding import keep_centre, place_windows, slide_windows
from basewise.tiling.spec import TileSpec
from basewise.tiling.tiles import Tile, cut_tiles, read_tiles, tile_regions, write_tiles

__all__ = [
    "MAX_AMBIGUOUS_RUN_BP",
    "Scorable",
    "Tile",
    "TileSpec",
    "check_regions",
    "cut_tiles",
    "fill_ambiguous",
    "find_scorable",
    "find_scorable_between",
    "keep_centre",
    "pick_tiles",
    "place_windows",
    "plan_shards",
    "read_tiles",
    "slide_windows",
    "split_tiles",
    "tile_regions",
    "write_tiles",
]
