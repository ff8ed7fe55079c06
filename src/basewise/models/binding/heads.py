"""What is predicted from the latent heads, and from the trunk alone.

Shapes: B examples, n bins, H latent heads, E channels of the trunk.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.binding.layers import Linear, exact_gelu, norm

PEAKS_SCALE, FOURIER_SCALE, FOURIER_BASE, LOG_FLOOR = 8000.0, 50.0, 20_000.0, 1e-20


def predict_track(y: jax.Array, dtype) -> jax.Array:
    """Return values (B, n), 0 or more, of latents (B, n, H)."""
    return jax.nn.softplus(Linear(1, dtype=dtype, name="to_pred")(y)[..., 0])


def predict_logit(y: jax.Array, dtype) -> jax.Array:
    """Return logits (B,) of latents (B, n, H)."""
    mean = norm(y.mean(axis=1), "to_pred_norm")
    return Linear(1, dtype=dtype, name="to_pred")(mean)[..., 0]


class ReadValue(hk.Module):
    """The read value of a peak, from the latents and how many peaks its experiment has."""

    def __init__(self, fourier_dims: int, dtype, name: str = "read_value"):
        super().__init__(name=name)
        self.fourier_dims, self.dtype = fourier_dims, dtype

    def __call__(self, y: jax.Array, peaks_nr: jax.Array) -> jax.Array:
        """Return float32 (B,) of latents (B, n, H) and numbers of peaks (B,), 0 if unknown."""
        mean = norm(y.mean(axis=1), "norm")
        features = jnp.concatenate([mean, peak_features(peaks_nr, self.fourier_dims)], axis=-1)
        hidden = Linear(2 * y.shape[-1], dtype=self.dtype, name="fc1")(features)
        return Linear(1, dtype=self.dtype, name="fc2")(exact_gelu(hidden))[..., 0]


def peak_features(peaks_nr: jax.Array, fourier_dims: int) -> jax.Array:
    """Return float32 (B, 2 + fourier_dims) of numbers of peaks (B,): scaled, log, waves."""
    count = peaks_nr.astype(jnp.float32)[:, None]
    half = fourier_dims // 2
    frequency = FOURIER_BASE ** -(jnp.arange(half, dtype=jnp.float32) / half)
    angle = count / FOURIER_SCALE * frequency
    plain = [count / PEAKS_SCALE, jnp.log(count + LOG_FLOOR)]
    return jnp.concatenate([*plain, jnp.sin(angle), jnp.cos(angle)], axis=-1)


def predict_heads(embedding: jax.Array, heads: dict[str, int], dtype) -> dict[str, jax.Array]:
    """Return ``{name: values (B, n, tracks)}``, 0 or more, of a trunk's embedding (B, n, E)."""
    return {
        name: jax.nn.softplus(Linear(n_tracks, dtype=dtype, name=name)(embedding))
        for name, n_tracks in heads.items()
    }
