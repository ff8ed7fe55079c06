"""Attention of bins to bins, before they meet a protein. Shapes: B windows, n bins, E channels."""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.attention import attend, attention_weights
from basewise.models.binding.config import BindingConfig
from basewise.models.binding.layers import FeedForward, Linear, drop, norm


class SelfAttentionBlock(hk.Module):
    """Attention without positions and a feed-forward, each with its norm and residual."""

    def __init__(self, config: BindingConfig, dtype, dropout: float, name: str):
        super().__init__(name=name)
        self.config, self.dtype, self.dropout = config, dtype, dropout

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return float32 (B, n, E) of x (B, n, E)."""
        with hk.name_scope("attn"):
            x = x + self._attend(x)
        return x + FeedForward(self.config.feed_forward_mult, self.dtype, self.dropout, name="ff")(
            x
        )

    @hk.transparent
    def _attend(self, x):
        heads, size = self.config.attention_heads, self.config.attention_dim_head
        project = Linear(3 * heads * size, with_bias=False, dtype=self.dtype, name="to_qkv")
        parts = jnp.split(project(norm(x, "norm")).astype(self.dtype), 3, axis=-1)
        query, key, value = (part.reshape(*x.shape[:2], heads, size) for part in parts)
        if self.dropout:
            weights = drop(attention_weights(query, key), self.dropout).astype(self.dtype)
            mixed = jnp.einsum(
                "bhts,bshk->bthk", weights, value, preferred_element_type=jnp.float32
            )
        else:
            mixed = attend(query, key, value)
        mixed = mixed.reshape(*x.shape[:2], heads * size)
        return Linear(x.shape[-1], dtype=self.dtype, name="to_out")(mixed)
