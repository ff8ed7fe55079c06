"""Borzoi: convolutions to bins of 128 bp, a transformer, then a U-Net back to bins of 32 bp.

Linder et al. 2025, Nature Genetics, doi:10.1038/s41588-024-02053-6. Input are codes 0-3 for
A, C, G, T and 4 for anything else, which is read as zeros.
"""

import functools
from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.convolutions import BatchNorm, Conv1D, ConvBlock, DepthwiseConv1D
from basewise.models.enformer import crop
from basewise.models.layers import Dense
from basewise.models.one_hot_config import BorzoiConfig
from basewise.models.pooling import max_pool
from basewise.models.positional import borzoi_positions
from basewise.models.relative_transformer import RelativeTransformer

NAMESPACE = "Borzoi"
SKIPPED = (f"{NAMESPACE}/~_heads/",)
NORM_EPS = 1e-3
STEM_WIDTH, TOWER_WIDTH, SEPARABLE_WIDTH = 15, 5, 3

gelu = functools.partial(jax.nn.gelu, approximate=True)


@dataclass(frozen=True)
class Borzoi:
    """The pure functions of one trunk; parameters ``{"edges", "layers"}`` are always an argument.

    ``SKIPPED`` parameters exist where the config asks for their branch. ``rematerialise`` computes
    each layer again in the backward pass.
    """

    config: BorzoiConfig
    dtype: type = jnp.float32
    rematerialise: bool = False

    @property
    def embed_dim(self) -> int:
        """Channels of the embedding."""
        return self.config.final_conv_block_embed_dim

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters."""
        edges_rng, layers_rng = jax.random.split(rng)
        config = self.config
        n_bins = -(-config.target_length // 2**config.num_unet_conv)
        codes = jnp.zeros((1, n_bins * config.bp_per_bin), jnp.uint8)
        return {
            "edges": self._edges.init(edges_rng, codes),
            "layers": self._transformer.init(layers_rng, self._positions(4)),
        }

    def embed(self, params: dict, codes: jax.Array) -> jax.Array:
        """Return float32 (B, target_length, D) of the centre of uint8 codes (B, L).

        Raises:
            BasewiseError: L is not a whole number of bins, shorter than target_length, or the
                bins left over are odd, so that there is no centre.
        """
        n_bins, rest = divmod(codes.shape[1], self.config.bp_per_bin)
        if rest:
            raise BasewiseError(
                f"Borzoi reads whole bins of {self.config.bp_per_bin} bp",
                found=f"{codes.shape[1]} bp",
            )
        x, skips = self._edges.apply[0](params["edges"], codes)
        x = self._transformer.apply(params["layers"], x, self._positions(n_bins))
        return self._edges.apply[1](params["edges"], x, skips)

    def species(self, params: dict, x: jax.Array) -> dict[str, jax.Array]:
        """Return ``human_head`` (B, target_length, outputs) of ``embed``."""
        return self._edges.apply[2](params["edges"], x)

    def _positions(self, n_bins: int) -> jax.Array:
        return jnp.asarray(borzoi_positions(n_bins, self.config.num_rel_pos_features))

    @property
    def _edges(self) -> hk.MultiTransformed:
        def build():
            edges = _Edges(self.config, self.dtype)

            def everything(codes):
                x = edges.close(*edges.open(codes))
                return edges.species(x) if self.config.species_heads else x

            return everything, (edges.open, edges.close, edges.species)

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

    def __init__(self, config: BorzoiConfig, dtype):
        super().__init__(name=NAMESPACE)
        self.config, self.dtype = config, dtype

    def open(self, codes: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """Return (B, bins, D) of codes (B, L), and what the upsampling adds, finest first."""
        return self._conv_tower(self._stem(jax.nn.one_hot(codes, 4, dtype=self.dtype)))

    def close(self, x: jax.Array, skips: list[jax.Array]) -> jax.Array:
        """Return the embedding of the centre."""
        x = crop(self._unet_conv(x, skips), self.config.target_length)
        if x.shape[1] != self.config.target_length:
            raise BasewiseError(
                "Borzoi predicts the centre of what it reads, so what is cropped must be even",
                found=f"{x.shape[1]} bins instead of {self.config.target_length}",
            )
        return self._final_conv_block(x)

    def species(self, x: jax.Array) -> dict[str, jax.Array]:
        """Return the published tracks."""
        return self._heads(x)

    def _stem(self, x):
        return max_pool(Conv1D(self.config.int_embed_dim, STEM_WIDTH, self.dtype)(x))

    def _conv_tower(self, x):
        skips = []
        for number, width in enumerate(self.config.tower_widths()[1:]):
            with hk.name_scope(f"layer_{number}"):
                x = self._block(width, TOWER_WIDTH)(x)
            skips.append(x)
            x = max_pool(x)
        return x, skips[len(skips) - self.config.num_unet_conv :]

    def _unet_conv(self, x, skips):
        for number, skip in enumerate(reversed(skips)):
            x = _Upsampling(self.config, self.dtype, name=f"u_net_conv_block_{number}")(x, skip)
        return x

    def _final_conv_block(self, x):
        return gelu(self._block(self.config.final_conv_block_embed_dim, 1)(x))

    def _heads(self, x):
        size = self.config.num_human_output_heads
        return {"human_head": jax.nn.softplus(Dense(size, dtype=self.dtype, name="human_head")(x))}

    @hk.transparent
    def _block(self, channels: int, width: int) -> ConvBlock:
        return ConvBlock(channels, width, self.dtype, activate=gelu, eps=NORM_EPS)


class _Upsampling(hk.Module):
    """Twice the bins: x repeated, plus what the tower knew at this resolution, smoothed."""

    def __init__(self, config: BorzoiConfig, dtype, name: str):
        super().__init__(name=name)
        self.config, self.dtype = config, dtype

    def __call__(self, x, skip):
        width = self.config.embed_dim
        x = Dense(width, dtype=self.dtype, name="linear")(gelu(BatchNorm(NORM_EPS)(x)))
        skip = gelu(BatchNorm(NORM_EPS, name="batch_norm_unet_repr")(skip))
        skip = Dense(width, dtype=self.dtype, name="linear_unet")(skip)
        x = jnp.repeat(x, 2, axis=1) + skip
        return _Separable(self.config.separable_channels, self.dtype)(x)


class _Separable(hk.Module):
    """A convolution along the sequence, then one across channels."""

    def __init__(self, channels: int, dtype, name: str = "separable_depthwise_conv1_d"):
        super().__init__(name=name)
        self.along = DepthwiseConv1D(SEPARABLE_WIDTH)
        self.across = Conv1D(channels, 1, dtype, with_bias=False)

    def __call__(self, x):
        return self.across(self.along(x))
