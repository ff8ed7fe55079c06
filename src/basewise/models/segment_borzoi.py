"""SegmentBorzoi: genomic elements per nucleotide of the centre of what a Borzoi trunk reads.

de Almeida et al. 2025, Nature Methods, doi:10.1038/s41592-025-02881-2. Published: 524,288 bp read,
the central 196,608 bp predicted. The human head is not built.
"""

import jax.numpy as jnp

from basewise.fields import check_fields
from basewise.models.borzoi import Borzoi
from basewise.models.one_hot_config import BorzoiConfig
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
    config = check_fields(BorzoiConfig, read.trunk, "architecture/trunk")
    return build_one_hot_model(
        Borzoi(config, dtype),
        read,
        tile_spec,
        tracks,
        bp_per_bin=config.bp_per_target_bin,
        predicted_bp=config.target_length * config.bp_per_target_bin,
    )
