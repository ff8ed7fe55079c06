"""Activation functions, under the names of the published hyperparameters."""

import functools

import jax
import jax.numpy as jnp

ACTIVATIONS = {
    "gelu-no-approx": functools.partial(jax.nn.gelu, approximate=False),
    "gelu": functools.partial(jax.nn.gelu, approximate=True),
    "relu": jax.nn.relu,
    "swish": jax.nn.swish,
    "silu": jax.nn.silu,
    "sin": jnp.sin,
}
