"""The one type that every genome-annotating model is a value of."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from basewise.tiling import TileSpec
from basewise.track import Track


@dataclass(frozen=True)
class TrackModel:
    """A model seen from outside: geometry, tracks, and three pure functions.

    Attributes:
        init: rng -> parameter tree.
        encode: uint8 upper-case ASCII bases (B, context) -> model input (host, NumPy). A k-mer
            model reads short runs of N as filled; nothing it says of them is kept.
        logits: (params, input) -> float32 logits (B, predicted bp / resolution, tracks, 2): class
            1 is presence. What training fits.
        apply: (params, input) -> float32 values (B, predicted bp / resolution, tracks) in each
            track's value range.
    """

    tile_spec: TileSpec
    tracks: tuple[Track, ...]
    init: Callable[[jax.Array], dict]
    encode: Callable[[np.ndarray], np.ndarray]
    logits: Callable[[dict, jax.Array], jax.Array]
    apply: Callable[[dict, jax.Array], jax.Array]
