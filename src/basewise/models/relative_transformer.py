"""A transformer over bins with relative positions: the middle of Enformer and of Borzoi.

Shapes: B sequences, L bins, D embedding, F features of relative positions.
"""

from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.layers import Dense, layer_norm
from basewise.models.relative_attention import RelativeAttention
from basewise.models.stacked import Block

ATTENTION, FEED_FORWARD = "transformer_attention", "transformer_ffn_block"


@dataclass(frozen=True)
class RelativeTransformer:
    """The pure functions of all layers; their stacked parameters are an argument.

    Attributes:
        namespace: what the published names of its parameters begin with.
        width: D.
        eps: of the layer norms.
        rematerialise: compute each layer again in the backward pass.
    """

    namespace: str
    n_layers: int
    width: int
    heads: int
    key_size: int
    eps: float
    dtype: type
    rematerialise: bool = False

    def init(self, rng: jax.Array, positions: jax.Array) -> dict:
        """Return freshly drawn float32 parameters; positions is any table (2L - 1, F)."""
        n_bins = (positions.shape[0] + 1) // 2
        x = jnp.zeros((1, n_bins, self.width))
        return self._layer.init(rng, self.n_layers, x, positions)

    def apply(self, params: dict, x: jax.Array, positions: jax.Array) -> jax.Array:
        """Return float32 (B, L, D) of x (B, L, D) and the table of positions (2L - 1, F)."""
        layer = self._layer

        def step(x, layer_params):
            return layer.apply(layer_params, x, positions), None

        if self.rematerialise:
            step = jax.checkpoint(step, prevent_cse=False)
        return jax.lax.scan(step, x, params)[0]

    @property
    def _layer(self) -> Block:
        names = {part: f"{self.namespace}/~_{part}/layer_*" for part in (ATTENTION, FEED_FORWARD)}
        return Block(hk.without_apply_rng(hk.transform(self._run_layer)), names)

    def _run_layer(self, x: jax.Array, positions: jax.Array) -> jax.Array:
        with hk.name_scope(ATTENTION):
            value_size = self.width // self.heads
            attention = RelativeAttention(self.heads, self.key_size, value_size, self.dtype)
            x = x + attention(layer_norm(self.eps, "attn_layer_norm")(x), positions)
        with hk.name_scope(FEED_FORWARD):
            hidden = layer_norm(self.eps, "ffn_layer_norm")(x)
            hidden = jax.nn.relu(Dense(2 * self.width, dtype=self.dtype, name="ffn_1")(hidden))
            return x + Dense(self.width, dtype=self.dtype, name="ffn_2")(hidden)
