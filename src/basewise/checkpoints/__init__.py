"""Checkpoints: directories with ``config.json`` (what it is) and ``params.safetensors`` (arrays).

What needs JAX is in ``basewise.checkpoints.store``.
"""

from basewise.checkpoints.config import (
    choose_tracks,
    hash_checkpoint,
    read_config,
    read_tile_spec,
    write_config,
)
from basewise.checkpoints.fetch import fetch_checkpoint
from basewise.checkpoints.lock import lock_checkpoints

__all__ = [
    "choose_tracks",
    "fetch_checkpoint",
    "hash_checkpoint",
    "lock_checkpoints",
    "read_config",
    "read_tile_spec",
    "write_config",
]
