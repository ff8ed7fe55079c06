"""Checkpoints: directories with ``config.json`` (what it is) and ``params.safetensors`` (arrays).

What needs JAX is in ``basewise.checkpoints.store``.
"""

from basewise.checkpoints.config import (
    hash_checkpoint,
    read_config,
    read_tile_spec,
    read_tracks,
    write_config,
)
from basewise.checkpoints.fetch import fetch_checkpoint

__all__ = [
    "fetch_checkpoint",
    "hash_checkpoint",
    "read_config",
    "read_tile_spec",
    "read_tracks",
    "write_config",
]
