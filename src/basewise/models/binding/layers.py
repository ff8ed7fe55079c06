"""Layers that all parts of the adapter share, with the published first values.

Shapes: B examples, n tokens (bins or residues), W channels.
"""

import functools

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.layers import layer_norm

NORM_EPS = 1e-5

exact_gelu = functools.partial(jax.nn.gelu, approximate=False)


class Linear(hk.Module):
    """x · w + b over the last axis, with w (in, out); drawn uniformly within 1 / sqrt(in)."""

    def __init__(self, size: int, *, with_bias: bool = True, dtype=jnp.float32, name: str):
        super().__init__(name=name)
        self.size, self.with_bias, self.dtype = size, with_bias, dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        w, b = self.parameters(x.shape[-1])
        y = matmul(x, w, self.dtype)
        return y if b is None else y + b

    def parameters(self, n_inputs: int) -> tuple[jax.Array, jax.Array | None]:
        """Return float32 w (n_inputs, size) and b (size,), or None without bias."""
        bound = n_inputs**-0.5
        init = hk.initializers.RandomUniform(-bound, bound)
        w = hk.get_parameter("w", (n_inputs, self.size), jnp.float32, init)
        if not self.with_bias:
            return w, None
        return w, hk.get_parameter("b", (self.size,), jnp.float32, init)


class FeedForward(hk.Module):
    """Norm, wider, exact GELU, dropout, back."""

    def __init__(self, multiple: int, dtype, dropout: float, name: str):
        super().__init__(name=name)
        self.multiple, self.dtype, self.dropout = multiple, dtype, dropout

    def __call__(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        hidden = Linear(self.multiple * width, dtype=self.dtype, name="fc1")(norm(x, "norm"))
        hidden = drop(exact_gelu(hidden), self.dropout)
        return Linear(width, dtype=self.dtype, name="fc2")(hidden)


def norm(x: jax.Array, name: str) -> jax.Array:
    """Return x normalised over channels by a norm of this name."""
    return layer_norm(NORM_EPS, name)(x)


def matmul(x: jax.Array, y: jax.Array, dtype) -> jax.Array:
    """Return the float32 product of x and y in the compute dtype; batch axes broadcast."""
    return jnp.matmul(x.astype(dtype), y.astype(dtype), preferred_element_type=jnp.float32)


def drop(x: jax.Array, rate: float) -> jax.Array:
    """Return x with a share of its entries 0 and the others scaled up; draws only if rate > 0."""
    return hk.dropout(hk.next_rng_key(), rate, x) if rate else x
