"""The config.json of a SegmentNT of any size."""

from collections.abc import Mapping, Sequence

from basewise.labels import ELEMENTS
from basewise.tiling import TileSpec
from basewise.track import Track

# A v2 trunk that has been trained to segment only; sizes are the caller's.
SMALL_TRUNK = {
    "alphabet_size": 4107,
    "max_positions": 2048,
    "positional_embedding": None,
    "use_rotary_embedding": True,
    "add_bias_ffn": False,
    "use_glu_in_ffn": True,
    "ffn_activation_name": "swish",
    "lm_head": False,
}


def element_tracks(features: Sequence[str]) -> tuple[Track, ...]:
    """Return the tracks of segmentation features, with the colours and terms of known elements."""
    known = {element.name: element for element in ELEMENTS}
    return tuple(
        Track(name, colour=known[name].colour, so_term=known[name].so_term)
        if name in known
        else Track(name)
        for name in features
    )


def describe_segment_nt(
    name: str,
    features: Sequence[str],
    trunk: Mapping,
    tile_spec: TileSpec,
    *,
    species: Sequence[str],
    source: str,
    licence: str,
) -> dict:
    """Return the config.json of a SegmentNT trained here.

    Args:
        features: the elements of its head, in channel order.
        trunk: embed_dim, attention_heads, ffn_embed_dim, num_layers, and whatever else differs
            from ``SMALL_TRUNK``.
    """
    return {
        "name": name,
        "family": "segment_nt",
        "revision": "1",
        "source": source,
        "licence": licence,
        "species": list(species),
        "architecture": {
            "tokenizer": "v2_6mer",
            "features": list(features),
            "trunk": {**SMALL_TRUNK, **trunk},
        },
        "tile_spec": tile_spec.to_dict(),
        "tracks": [track.to_dict() for track in element_tracks(features)],
    }
