"""Enformer: convolutions and attention pooling to bins of 128 bp, then a transformer over bins.

Avsec et al. 2021, Nature Methods, doi:10.1038/s41592-021-01252-x. Input are codes 0-3 for
A, C, G, T and 4 for anything else, which is read as zeros.
"""

from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.convolutions import Conv1D, ConvBlock, ResidualConvBlock
from basewise.models.layers import Dense
from basewise.models.one_hot_config import EnformerConfig, cropped_length
from basewise.models.pooling import AttentionPool
from basewise.models.positional import enformer_positions
from basewise.models.relative_transformer import RelativeTransformer

NAMESPACE = "Enformer"
SKIPPED = (f"{NAMESPACE}/~_final_pointwise/", f"{NAMESPACE}/~_heads/")
NORM_EPS = 1e-5
STEM_WIDTH, TOWER_WIDTH = 15, 5


def quick_gelu(x: jax.Array) -> jax.Array:
    """Return x · sigmoid(1.702 x)."""
    return x * jax.nn.sigmoid(1.702 * x)


@dataclass(frozen=True)
class Enformer:
    """The pure functions of one trunk; parameters ``{"edges", "layers"}`` are always an argument.

    ``SKIPPED`` parameters exist where the config asks for their branch. ``rematerialise`` computes
    each layer again in the backward pass.
    """

    config: EnformerConfig
    dtype: type = jnp.float32
    rematerialise: bool = False

    @property
    def embed_dim(self) -> int:
        """Channels of the embedding."""
        return self.config.embed_dim

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters."""
        edges_rng, layers_rng = jax.random.split(rng)
        codes = jnp.zeros((1, 4 * self.config.bp_per_bin), jnp.uint8)
        return {
            "edges": self._edges.init(edges_rng, codes),
            "layers": self._transformer.init(layers_rng, self._positions(4)),
        }

    def embed(self, params: dict, codes: jax.Array, *, whole_bins: bool = True) -> jax.Array:
        """Return the transformer's output, float32 (B, L / bp_per_bin, D), of uint8 codes (B, L).

        Args:
            codes: or any float rows (B, L, 4) in their place, such as 0.25 each outside a chrom.
            whole_bins: False lets the last bin be of fewer bp, as the published code does.

        Raises:
            BasewiseError: L is not a whole number of bins.
        """
        if whole_bins and codes.shape[1] % self.config.bp_per_bin:
            raise BasewiseError(
                f"Enformer reads whole bins of {self.config.bp_per_bin} bp",
                found=f"{codes.shape[1]} bp",
            )
        x = self._edges.apply[0](params["edges"], codes)
        return self._transformer.apply(params["layers"], x, self._positions(x.shape[1]))

    def finish(self, params: dict, x: jax.Array) -> jax.Array:
        """Return the cropped embedding of twice the width, (B, target_length, 2D), of ``embed``.

        Raises:
            BasewiseError: there are fewer bins than target_length.
        """
        return self._edges.apply[1](params["edges"], x)

    def species(self, params: dict, x: jax.Array) -> dict[str, jax.Array]:
        """Return ``human_head`` and ``mouse_head`` (B, target_length, outputs) of ``finish``."""
        return self._edges.apply[2](params["edges"], x)

    def _positions(self, n_bins: int) -> jax.Array:
        config = self.config
        table = enformer_positions(n_bins, config.value_size, config.gamma_norm_axis)
        return jnp.asarray(table)

    @property
    def _edges(self) -> hk.MultiTransformed:
        def build():
            edges = _Edges(self.config, self.dtype)

            def everything(codes):
                x = edges.open(codes)
                if self.config.final_pointwise:
                    x = edges.widen(x)
                return edges.species(x) if self.config.species_heads else x

            return everything, (edges.open, edges.finish, edges.species)

        return hk.without_apply_rng(hk.multi_transform(build))

    @property
    def _transformer(self) -> RelativeTransformer:
        config = self.config
        return RelativeTransformer(
            NAMESPACE,
            n_layers=config.num_transformer_layers,
            width=config.embed_dim,
            heads=config.num_attention_heads,
            key_size=config.attention_dim_key,
            eps=NORM_EPS,
            dtype=self.dtype,
            rematerialise=self.rematerialise,
        )


class _Edges(hk.Module):
    """What stands before the transformer and behind it."""

    def __init__(self, config: EnformerConfig, dtype):
        super().__init__(name=NAMESPACE)
        self.config, self.dtype = config, dtype

    def open(self, codes: jax.Array) -> jax.Array:
        """Return (B, bins, D) of codes (B, L) or rows (B, L, 4)."""
        rows = codes if codes.ndim == 3 else jax.nn.one_hot(codes, 4, dtype=self.dtype)
        return self._conv_tower(self._stem(rows))

    def finish(self, x: jax.Array) -> jax.Array:
        """Return the cropped, widened embedding."""
        return self.widen(crop(x, self.config.target_length))

    def widen(self, x: jax.Array) -> jax.Array:
        """Return (B, bins, 2D) of (B, bins, D)."""
        return self._final_pointwise(x)

    def species(self, x: jax.Array) -> dict[str, jax.Array]:
        """Return the published tracks."""
        return self._heads(x)

    def _stem(self, x):
        x = Conv1D(self.config.embed_dim // 2, STEM_WIDTH, self.dtype)(x)
        return self._refine(x)

    def _conv_tower(self, x):
        for number, width in enumerate(self.config.tower_widths()[1:]):
            with hk.name_scope(f"layer_{number}"):
                x = self._refine(self._block(width, TOWER_WIDTH)(x))
        return x

    @hk.transparent
    def _refine(self, x):
        residual = ResidualConvBlock(self.dtype, activate=quick_gelu, eps=NORM_EPS)
        return AttentionPool(self.dtype)(residual(x))

    @hk.transparent
    def _block(self, channels: int, width: int) -> ConvBlock:
        return ConvBlock(channels, width, self.dtype, activate=quick_gelu, eps=NORM_EPS)

    def _final_pointwise(self, x):
        return quick_gelu(self._block(2 * self.config.embed_dim, 1)(x))

    def _heads(self, x):
        outputs = {
            "human_head": self.config.num_human_output_heads,
            "mouse_head": self.config.num_mouse_output_heads,
        }
        return {
            name: jax.nn.softplus(Dense(size, dtype=self.dtype, name=name)(x))
            for name, size in outputs.items()
        }


def crop(x: jax.Array, target_length: int) -> jax.Array:
    """Return the central bins of (B, bins, D): ``target_length``, or one fewer of an odd surplus.

    Raises:
        BasewiseError: there are fewer bins than ``target_length``.
    """
    kept = cropped_length(x.shape[1], target_length)
    trim = (x.shape[1] - kept) // 2
    return x[:, trim : x.shape[1] - trim]
