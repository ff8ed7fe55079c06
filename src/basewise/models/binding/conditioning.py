"""How a context changes bins, residues and latent heads.

Shapes: B examples, n tokens, W channels, C length of a context's vector, H latent heads. Every
first axis may be 1 where others are B.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.binding.layers import Linear, matmul


class FiLM(hk.Module):
    """Scale and shift the channels (Perez et al. 2018, arXiv:1709.07871), without "1 +"."""

    def __init__(self, dtype, name: str):
        super().__init__(name=name)
        self.dtype = dtype

    def __call__(self, x: jax.Array, context: jax.Array, mask: jax.Array | None) -> jax.Array:
        """Return (B, n, W) of x (B, n, W) and context (B, C); the mask is not needed."""
        del mask
        width = x.shape[-1]
        scale = Linear(width, dtype=self.dtype, name="to_gamma")(context)
        shift = Linear(width, dtype=self.dtype, name="to_bias")(context)
        return x * scale[:, None] + shift[:, None]


class SqueezeExcite(hk.Module):
    """Gate the channels by the context and their means (Hu et al. 2018, arXiv:1709.01507).

    The published code averages over the padding rather than the residues, so over nothing where
    the padding is 0; ``inverted_mask`` does the same.
    """

    def __init__(self, dtype, inverted_mask: bool, name: str):
        super().__init__(name=name)
        self.dtype, self.inverted_mask = dtype, inverted_mask

    def __call__(self, x: jax.Array, context: jax.Array, mask: jax.Array | None) -> jax.Array:
        """Return (B, n, W) of x (B, n, W), context (B, C) and mask (B, n), True for tokens."""
        gate = Linear(x.shape[-1], dtype=self.dtype, name="to_gate")
        n_context = context.shape[-1]
        w, b = gate.parameters(n_context + x.shape[-1])
        squeezed = matmul(context, w[:n_context], self.dtype)
        squeezed = squeezed + matmul(self._mean(x, mask), w[n_context:], self.dtype)
        return x * jax.nn.sigmoid(squeezed + b)[:, None]

    def _mean(self, x, mask):
        if mask is None:
            return x.mean(axis=1)
        counted = ~mask if self.inverted_mask else mask
        total = jnp.where(counted[..., None], x, 0.0).sum(axis=1)
        return total / jnp.maximum(mask.sum(axis=1)[:, None], 1e-8)


class HyperGrid(hk.Module):
    """Mix the latent heads by a matrix each of whose entries the context gates.

    Tay et al. 2021, arXiv:2007.05891, of which only the grid of gates remains.
    """

    def __init__(self, dtype, name: str = "hypergrid"):
        super().__init__(name=name)
        self.dtype = dtype

    def __call__(self, y: jax.Array, context: jax.Array) -> jax.Array:
        """Return (B, n, H) of y (B, n, H) and context (B, C)."""
        heads = y.shape[-1]
        init = hk.initializers.RandomNormal()
        weights = hk.get_parameter("weights", (heads, heads), jnp.float32, init)
        project = Linear(heads * heads, dtype=self.dtype, name="contextual_projection")
        gates = jax.nn.sigmoid(project(context)).reshape(-1, heads, heads)
        return matmul(y, weights * gates, self.dtype)
