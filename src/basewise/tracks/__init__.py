"""Tracks: values along a genome, from a model's shards to merged, checked bigWig files.

`shard` holds one job's quantised cores, `merge` streams shards into one bigWig per track,
`seams` measures what tiling left behind, `bigwig` writes and reads the files. Nothing here knows
what a model is.
"""

from basewise.track import Track

__all__ = ["Track"]
