"""The model families, by the name a checkpoint's config.json gives."""

from collections.abc import Callable

import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models import segment_nt
from basewise.models.track_model import TrackModel
from basewise.tiling import TileSpec
from basewise.track import Track

FAMILIES: dict[str, Callable[..., TrackModel]] = {
    "segment_nt": segment_nt.build_track_model,
}


def build_track_model(config: dict, dtype=jnp.float32) -> TrackModel:
    """Return the track model that a checkpoint's config describes; ``dtype`` is the compute dtype.

    Raises:
        BasewiseError: an unknown family or field, named.
    """
    family = config["family"]
    if family not in FAMILIES:
        raise BasewiseError(
            "unknown model family in config.json",
            found=repr(family),
            hint=f"Known: {', '.join(FAMILIES)}.",
        )
    tile_spec = check_fields(TileSpec, config["tile_spec"], "tile_spec")
    tracks = tuple(Track.from_dict(track) for track in config["tracks"])
    return FAMILIES[family](config["architecture"], tile_spec, tracks, dtype)
