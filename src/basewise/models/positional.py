"""Features of relative positions, computed once per length on the host.

A table has one row per distance -(n - 1) … n - 1 of n bins; its second half is the first half with
the sign of the distance. Avsec et al. 2021, doi:10.1038/s41592-021-01252-x; Linder et al. 2025,
doi:10.1038/s41588-024-02053-6. Everything is float32 in the published order of operations:
the gamma densities cancel so much that another order moves them by 0.003.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, xlogy

SHORTEST_HALF_LIFE_LOG2 = 3.0
GAMMA_FLOOR = 1e-8


@functools.lru_cache(maxsize=8)
def enformer_positions(
    n_bins: int, n_features: int, gamma_norm_axis: str = "features"
) -> np.ndarray:
    """Return the float32 table (2 n_bins - 1, n_features) of Enformer; 6 divides n_features."""
    with jax.ensure_compile_time_eval(), jax.default_device(_host()):
        distance = jnp.abs(_distances(n_bins))
        count = n_features // 6
        parts = [
            _exponential(distance, count, n_bins),
            _central_mask(distance, 2.0 ** jnp.arange(1, count + 1)),
            _gamma(distance, count, n_bins, axis=1 if gamma_norm_axis == "features" else 0),
        ]
        return _with_sign(jnp.concatenate(parts, axis=1), n_bins)


@functools.lru_cache(maxsize=8)
def borzoi_positions(n_bins: int, n_features: int) -> np.ndarray:
    """Return the float32 table (2 n_bins - 1, n_features) of Borzoi; 2 divides n_features."""
    with jax.ensure_compile_time_eval(), jax.default_device(_host()):
        distance = jnp.abs(_distances(n_bins))
        count = n_features // 2
        ratio = jnp.exp(jnp.log(jnp.float32(n_bins + 1)) / count)
        widths = ratio ** jnp.arange(1, count + 1, dtype=jnp.float32)
        return _with_sign(_central_mask(distance, widths), n_bins)


def _host() -> jax.Device:
    """Return the CPU where JAX has one: lgamma differs between accelerators."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return jax.local_devices()[0]


def _distances(n_bins: int) -> jax.Array:
    return jnp.arange(-n_bins + 1, n_bins, dtype=jnp.float32)[:, None]


def _with_sign(features: jax.Array, n_bins: int) -> np.ndarray:
    signed = jnp.sign(_distances(n_bins)) * features
    table = np.array(jnp.concatenate([features, signed], axis=1))
    table.flags.writeable = False
    return table


def _spread(first: float, last: float, count: int) -> jax.Array:
    return jnp.asarray(np.linspace(first, last, count), jnp.float32)


def _exponential(distance: jax.Array, count: int, n_bins: int) -> jax.Array:
    half_life = 2.0 ** _spread(SHORTEST_HALF_LIFE_LOG2, math.log2(n_bins), count)
    return jnp.exp(-math.log(2.0) / half_life * distance)


def _central_mask(distance: jax.Array, widths: jax.Array) -> jax.Array:
    return (widths - 1.0 > distance).astype(jnp.float32)


def _gamma(distance: jax.Array, count: int, n_bins: int, *, axis: int) -> jax.Array:
    mean = _spread(n_bins / count, n_bins, count)
    deviation = n_bins / (2 * count)
    concentration = (mean / deviation) ** 2
    rate = mean / deviation**2
    log_density = xlogy(concentration - 1.0, distance) - rate * distance
    log_scale = gammaln(concentration) - concentration * jnp.log(rate)
    density = jnp.exp(log_density - log_scale) + GAMMA_FLOOR
    return density / density.max(axis=axis, keepdims=True)
