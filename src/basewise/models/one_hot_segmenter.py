"""Segmentation of one-hot bases: a trunk that makes bins, and the U-Net that makes bases of them.

de Almeida et al. 2025, Nature Methods, doi:10.1038/s41592-025-02881-2.
"""

from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.borzoi import Borzoi
from basewise.models.enformer import Enformer
from basewise.models.track_model import TrackModel
from basewise.models.unet import LEVELS, SegmentationHead
from basewise.tiling import TileSpec
from basewise.tokenizers import one_hot_codes
from basewise.track import Track


@dataclass(frozen=True)
class OneHotArchitecture:
    """The ``architecture`` of a config.json.

    Attributes:
        trunk: fields of EnformerConfig or BorzoiConfig.
        features: the elements of the head, in channel order.
        nucl_per_token: bp per bin of the trunk's embedding.
        head_embed_dimension: channels of the U-Net's finest level.
    """

    trunk: dict
    features: list[str]
    nucl_per_token: int
    head_embed_dimension: int
    tokenizer: str = "single_nt"


@dataclass(frozen=True)
class OneHotSegmenter:
    """The pure functions of one model; parameters are always an argument."""

    trunk: Enformer | Borzoi
    n_features: int
    bp_per_bin: int
    head_channels: int
    dtype: type = jnp.float32

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters ``{"edges", "layers", "head"}``."""
        trunk_rng, head_rng = jax.random.split(rng)
        embedding = jnp.zeros((1, 2**LEVELS, self.trunk.embed_dim))
        return {**self.trunk.init(trunk_rng), "head": self._head.init(head_rng, embedding)}

    def logits(self, params: dict, codes: jax.Array) -> jax.Array:
        """Return float32 logits (B, bases predicted, features, 2) of uint8 codes (B, L)."""
        return self._head.apply(params["head"], self.trunk.embed(params, codes))

    def probs(self, params: dict, codes: jax.Array) -> jax.Array:
        """Return float32 probabilities (B, bases predicted, features) of uint8 codes (B, L)."""
        logits = self.logits(params, codes)
        return jax.nn.sigmoid(logits[..., 1] - logits[..., 0])

    @property
    def _head(self) -> hk.Transformed:
        def apply(embedding):
            head = SegmentationHead(
                self.head_channels, self.n_features, self.bp_per_bin, self.dtype
            )
            return head(embedding)

        return hk.without_apply_rng(hk.transform(apply))


def read_architecture(architecture: dict) -> OneHotArchitecture:
    """Return a checkpoint's ``architecture``.

    Raises:
        BasewiseError: an unknown or missing key, named, or another tokenizer than single_nt.
    """
    read = check_fields(OneHotArchitecture, architecture, "architecture")
    if read.tokenizer != "single_nt":
        raise BasewiseError(
            "architecture/tokenizer of a one-hot model must be single_nt", found=read.tokenizer
        )
    return read


def build_one_hot_model(
    trunk: Enformer | Borzoi,
    architecture: OneHotArchitecture,
    tile_spec: TileSpec,
    tracks: tuple[Track, ...],
    *,
    bp_per_bin: int,
    predicted_bp: int,
) -> TrackModel:
    """Return the track model over one-hot bases of a trunk.

    Args:
        bp_per_bin: of the trunk's embedding.
        predicted_bp: bp that a window of tile_spec's context predicts.

    Raises:
        BasewiseError: the geometry or the head are not those of the trunk, named.
    """
    _check_geometry(architecture, tile_spec, bp_per_bin, predicted_bp)
    model = OneHotSegmenter(
        trunk,
        len(architecture.features),
        bp_per_bin,
        architecture.head_embed_dimension,
        trunk.dtype,
    )
    return TrackModel(
        tile_spec=tile_spec,
        tracks=tracks,
        init=model.init,
        encode=one_hot_codes,
        logits=model.logits,
        apply=model.probs,
    )


def _check_geometry(
    architecture: OneHotArchitecture, tile_spec: TileSpec, bp_per_bin: int, predicted_bp: int
) -> None:
    expected = {
        "tile_spec/alphabet": (tile_spec.alphabet, "onehot"),
        "tile_spec/resolution_bp": (tile_spec.resolution_bp, 1),
        "architecture/nucl_per_token": (architecture.nucl_per_token, bp_per_bin),
    }
    for key, (found, needed) in expected.items():
        if found != needed:
            raise BasewiseError(f"{key} of this one-hot model must be {needed}", found=found)
    if tile_spec.predicted_bp() != predicted_bp:
        raise BasewiseError(
            f"tile_spec/margin_bp must leave the {predicted_bp} bp that the trunk predicts",
            found=f"context_bp={tile_spec.context_bp}, margin_bp={tile_spec.margin_bp}",
        )
    step = 2**LEVELS * bp_per_bin
    if predicted_bp % step:
        raise BasewiseError(
            f"the segmentation head needs a multiple of {step} bp",
            found=f"{predicted_bp} bp",
            hint=f"It pools {LEVELS} times over bins of {bp_per_bin} bp.",
        )
