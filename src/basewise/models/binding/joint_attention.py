"""Attention of bins and residues to each other, by one matrix of similarities.

Shapes: B examples, n bins, j residues, E and P their channels, H heads, K channels per head.
Either side's B may be 1.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.binding.config import BindingConfig
from basewise.models.binding.layers import FeedForward, Linear, drop, matmul, norm

MASKED = -float(jnp.finfo(jnp.float32).max)


class JointBlock(hk.Module):
    """Attention in both directions, and a feed-forward on each side."""

    def __init__(self, config: BindingConfig, dtype, dropout: float, name: str):
        super().__init__(name=name)
        self.config, self.dtype, self.dropout = config, dtype, dropout

    def __call__(
        self, x: jax.Array, c: jax.Array, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Return float32 bins (B, n, E) and residues (B, j, P) that have seen each other.

        Args:
            x: (B or 1, n, E); c: (B or 1, j, P).
            mask: (B or 1, j), True for residues. What comes of others is finite and means
                nothing: mask it again.
        """
        seen_x, seen_c = JointAttention(self.config, self.dtype, self.dropout, name="attn")(
            x, c, mask
        )
        x, c = x + seen_x, c + seen_c
        multiple = self.config.feed_forward_mult
        x = x + FeedForward(multiple, self.dtype, self.dropout, name="ff")(x)
        return x, c + FeedForward(multiple, self.dtype, self.dropout, name="context_ff")(c)


class JointAttention(hk.Module):
    """What each side takes from the other; both read the other as it was before."""

    def __init__(self, config: BindingConfig, dtype, dropout: float, name: str):
        super().__init__(name=name)
        self.config, self.dtype, self.dropout = config, dtype, dropout

    def __call__(self, x, c, mask):
        normed_x, normed_c = norm(x, "norm"), norm(c, "context_norm")
        similarity = similarities(
            self._project(normed_x, "to_qk"), self._project(normed_c, "context_to_qk"), mask
        )
        to_residues, to_bins = attend_both_ways(
            similarity,
            self._project(normed_x, "to_v"),
            self._project(normed_c, "context_to_v"),
            lambda weights: drop(weights, self.dropout),
        )
        out = Linear(x.shape[-1], dtype=self.dtype, name="to_out")(to_residues)
        return out, Linear(c.shape[-1], dtype=self.dtype, name="context_to_out")(to_bins)

    @hk.transparent
    def _project(self, x, name: str):
        heads, size = self.config.attention_heads, self.config.attention_dim_head
        projected = Linear(heads * size, with_bias=False, dtype=self.dtype, name=name)(x)
        return split_heads(projected.astype(self.dtype), heads)


def split_heads(x: jax.Array, heads: int) -> jax.Array:
    """Return (B, H, n, K) of (B, n, H · K)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def join_heads(x: jax.Array) -> jax.Array:
    """Return (B, n, H · K) of (B, H, n, K)."""
    x = x.transpose(0, 2, 1, 3)
    return x.reshape(*x.shape[:2], -1)


def similarities(bins: jax.Array, residues: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Return float32 (B, H, n, j) of (B, H, n, K) and (B, H, j, K), lowest where masked."""
    size = bins.shape[-1]
    similarity = matmul(bins * size**-0.5, residues.swapaxes(-1, -2), bins.dtype)
    return similarity if mask is None else jnp.where(mask[:, None, None], similarity, MASKED)


def attend_both_ways(
    similarity: jax.Array, bins: jax.Array, residues: jax.Array, drop_weights
) -> tuple[jax.Array, jax.Array]:
    """Return what bins take of residues (B, n, H · K), and residues of bins (B, j, H · K).

    Args:
        similarity: (B, H, n, j); values of bins (B, H, n, K) and residues (B, H, j, K).
        drop_weights: weights -> weights, some dropped.
    """
    dtype = bins.dtype
    to_residues = drop_weights(jax.nn.softmax(similarity, axis=-1))
    to_bins = drop_weights(jax.nn.softmax(similarity, axis=-2))
    return (
        join_heads(matmul(to_residues, residues, dtype)),
        join_heads(matmul(to_bins.swapaxes(-1, -2), bins, dtype)),
    )
