"""The model families, by the name a checkpoint's config.json gives."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError, nearest
from basewise.fields import check_fields
from basewise.models import language_model, segment_borzoi, segment_enformer, segment_nt
from basewise.models.binding import tracks as binding_tracks
from basewise.models.binding.model import build_binding_model
from basewise.models.language_model import LanguageModel
from basewise.models.nucleotide_transformer import build_trunk
from basewise.models.track_model import TrackModel
from basewise.tiling import TileSpec
from basewise.track import Track


@dataclass(frozen=True)
class Family:
    """How to build the models of one family; None for a kind it does not have.

    Attributes:
        build_track_model: (architecture, tile_spec, tracks, dtype) -> TrackModel.
        build_language_model: (architecture, dtype) -> LanguageModel.
        build_init: architecture -> (rng -> parameters), of families that are neither, or more than
            their trunk; None for the trunk's.
    """

    build_track_model: Callable[..., TrackModel] | None = None
    build_language_model: Callable[..., LanguageModel] | None = None
    build_init: Callable[[dict], Callable[[jax.Array], dict]] | None = None


FAMILIES: dict[str, Family] = {
    "nucleotide_transformer": Family(None, language_model.build_language_model),
    "segment_nt": Family(segment_nt.build_track_model, language_model.build_language_model),
    "segment_enformer": Family(segment_enformer.build_track_model),
    "segment_borzoi": Family(segment_borzoi.build_track_model),
    # encoders of proteins and text (basewise.encoders): transformers and nothing else
    "esm": Family(),
    "bert": Family(),
    "albert": Family(),
    "binding": Family(build_init=lambda architecture: build_binding_model(architecture).init),
    "binding_tracks": Family(
        binding_tracks.build_track_model,
        build_init=lambda architecture: binding_tracks.build_bound_model(architecture).init,
    ),
}


def find_family(config: dict) -> Family:
    """Return the family of a checkpoint's config.

    Raises:
        BasewiseError: an unknown family.
    """
    family = config["family"]
    if family not in FAMILIES:
        raise BasewiseError(
            "unknown model family in config.json",
            found=repr(family),
            hint=nearest(family, FAMILIES),
        )
    return FAMILIES[family]


def build_track_model(config: dict, dtype=jnp.float32) -> TrackModel:
    """Return the track model that a checkpoint's config describes; ``dtype`` is the compute dtype.

    Raises:
        BasewiseError: an unknown family or field, named, or a family without tracks.
    """
    family = find_family(config)
    if config["family"] == "binding":
        raise BasewiseError(
            f"{config['name']} is a model of binding that knows no targets",
            hint="Bind some by basewise checkpoint bind.",
        )
    if family.build_track_model is None and family.build_language_model is None:
        raise BasewiseError(
            f"{config['name']} has no tracks", found="an encoder of proteins or text, for binding"
        )
    if family.build_track_model is None:
        raise BasewiseError(
            f"{config['name']} is a language model and has no tracks", hint="Use basewise embed."
        )
    tile_spec = check_fields(TileSpec, config["tile_spec"], "tile_spec")
    tracks = tuple(Track.from_dict(track) for track in config["tracks"])
    return family.build_track_model(config["architecture"], tile_spec, tracks, dtype)


def build_language_model(config: dict, dtype=jnp.float32) -> LanguageModel:
    """Return the language model that a checkpoint's config describes, or that is its trunk.

    Raises:
        BasewiseError: an unknown family or field, named, or a family without language model.
    """
    family = find_family(config)
    if family.build_language_model is None:
        raise BasewiseError(
            f"{config['name']} has no language model", found=f"family {config['family']}"
        )
    return family.build_language_model(config["architecture"], dtype)


def build_skeleton(config: dict) -> dict:
    """Return the shapes (jax.ShapeDtypeStruct) of all parameters that a config describes.

    Raises:
        BasewiseError: an unknown family or field, named.
    """
    family = find_family(config)
    if family.build_init is not None:
        init = family.build_init(config["architecture"])
    elif family.build_track_model is None:
        init = build_trunk(config["architecture"]).init
    else:
        init = build_track_model(config).init
    return jax.eval_shape(init, jax.random.key(0))
