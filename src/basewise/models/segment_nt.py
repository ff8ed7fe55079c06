"""SegmentNT: a Nucleotide Transformer v2 trunk under a U-Net, genomic elements per nucleotide.

de Almeida et al. 2025, Nature Methods, doi:10.1038/s41592-025-02881-2.
"""

from dataclasses import dataclass, field

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.nucleotide_transformer import Trunk, build_trunk
from basewise.models.track_model import TrackModel
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.models.unet import SegmentationHead
from basewise.tiling import TileSpec, fill_ambiguous
from basewise.tokenizers import TOKENIZERS
from basewise.track import Track

LENGTH_MULTIPLE_BP = 24  # four 6-mers, for two poolings


@dataclass(frozen=True)
class SegmentNTConfig:
    """A trunk and the features of its head, in channel order."""

    trunk: NucleotideTransformerConfig
    features: tuple[str, ...]
    bp_per_token: int = 6


@dataclass(frozen=True)
class SegmentNT:
    """The pure functions of one SegmentNT; parameters are always an argument."""

    config: SegmentNTConfig
    dtype: type = jnp.float32
    trunk: Trunk = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "trunk", Trunk(self.config.trunk, self.dtype))

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters ``{"edges", "layers", "head"}``."""
        trunk_rng, head_rng = jax.random.split(rng)
        embedding = jnp.zeros((1, 4, self.config.trunk.embed_dim))
        return {**self.trunk.init(trunk_rng), "head": self._head.init(head_rng, embedding)}

    def logits(self, params: dict, tokens: jax.Array, *, is_padded: bool = True) -> jax.Array:
        """Return float32 logits (B, 6 · (L - 1), features, 2) of int32 tokens (B, L), CLS first.

        Raises:
            BasewiseError: L - 1 is not a multiple of 4.
        """
        embedding = self.trunk.embed(params, tokens, is_padded=is_padded)
        return self._head.apply(params["head"], embedding[:, 1:])

    def probs(self, params: dict, tokens: jax.Array) -> jax.Array:
        """Return float32 probabilities (B, 6 · (L - 1), features) of unpadded tokens (B, L)."""
        logits = self.logits(params, tokens, is_padded=False)
        return jax.nn.sigmoid(logits[..., 1] - logits[..., 0])

    @property
    def _head(self) -> hk.Transformed:
        config = self.config

        def apply(embedding):
            head = SegmentationHead(
                config.trunk.embed_dim, len(config.features), config.bp_per_token, self.dtype
            )
            return head(embedding)

        return hk.without_apply_rng(hk.transform(apply))


def build_track_model(
    architecture: dict, tile_spec: TileSpec, tracks: tuple[Track, ...], dtype=jnp.float32
) -> TrackModel:
    """Return the track model of a checkpoint's ``architecture``.

    Args:
        architecture: ``trunk`` (fields of NucleotideTransformerConfig), ``features`` and
            ``tokenizer``.

    Raises:
        BasewiseError: an unknown field or tokenizer, named.
    """
    trunk = build_trunk(architecture).config
    if architecture["tokenizer"] not in TOKENIZERS:
        raise BasewiseError(
            "unknown architecture/tokenizer in config.json",
            found=repr(architecture["tokenizer"]),
            hint=f"Known: {', '.join(TOKENIZERS)}.",
        )
    tokenizer = TOKENIZERS[architecture["tokenizer"]]
    model = SegmentNT(SegmentNTConfig(trunk, tuple(architecture["features"]), tokenizer.k), dtype)
    return TrackModel(
        tile_spec=tile_spec,
        tracks=tracks,
        init=model.init,
        encode=lambda bases: tokenizer.tokenize_batch(fill_ambiguous(bases)),
        logits=lambda params, tokens: model.logits(params, tokens, is_padded=False),
        apply=model.probs,
    )
