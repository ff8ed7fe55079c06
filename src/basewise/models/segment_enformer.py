"""SegmentEnformer: genomic elements per nucleotide over an Enformer trunk, 196,608 bp at a time.

de Almeida et al. 2025, Nature Methods, doi:10.1038/s41592-025-02881-2. The head reads the
transformer's own output; crop, final pointwise and species heads are not built.
"""

import jax.numpy as jnp

from basewise.fields import check_fields
from basewise.models.enformer import Enformer
from basewise.models.one_hot_config import EnformerConfig
from basewise.models.one_hot_segmenter import build_one_hot_model, read_architecture
from basewise.models.track_model import TrackModel
from basewise.tiling import TileSpec
from basewise.track import Track


def build_track_model(
    architecture: dict, tile_spec: TileSpec, tracks: tuple[Track, ...], dtype=jnp.float32
) -> TrackModel:
    """Return the track model of a checkpoint's ``architecture`` (OneHotArchitecture).

    Raises:
        BasewiseError: an unknown field, or a geometry that is not the trunk's, named.
    """
    read = read_architecture(architecture)
    config = check_fields(EnformerConfig, read.trunk, "architecture/trunk")
    return build_one_hot_model(
        Enformer(config, dtype),
        read,
        tile_spec,
        tracks,
        bp_per_bin=config.bp_per_bin,
        predicted_bp=tile_spec.context_bp,
    )
