"""Pooling of neighbouring positions, two to one. Shapes: B sequences, L positions, C channels."""

import haiku as hk
import jax
import jax.numpy as jnp


class AttentionPool(hk.Module):
    """A learned weighing of the two positions of each pair, channel by channel.

    The softmax of two logits is the sigmoid of their difference, so one product serves both.
    The last position of an odd length stands alone.
    """

    def __init__(self, dtype, name: str = "attention_pool"):
        super().__init__(name=name)
        self.logits = _PointwiseConv2D(dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        length = x.shape[1]
        paired = x[:, : length - length % 2].reshape(x.shape[0], length // 2, 2, x.shape[2])
        first, second = paired[:, :, 0], paired[:, :, 1]
        difference = first - second
        pooled = second + jax.nn.sigmoid(self.logits(difference)) * difference
        return jnp.concatenate([pooled, x[:, -1:]], axis=1) if length % 2 else pooled


class _PointwiseConv2D(hk.Module):
    """x · w, with w stored as the kernel (1, 1, in, out) of a two-dimensional convolution."""

    def __init__(self, dtype, name: str = "conv2_d"):
        super().__init__(name=name)
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        init = hk.initializers.TruncatedNormal(channels**-0.5)
        w = hk.get_parameter("w", (1, 1, channels, channels), jnp.float32, init)[0, 0]
        return jnp.matmul(
            x.astype(self.dtype), w.astype(self.dtype), preferred_element_type=jnp.float32
        )


def max_pool(x: jax.Array) -> jax.Array:
    """Return the larger of each pair of positions; the last of an odd length stands alone."""
    length = x.shape[1]
    even = x[:, : length - length % 2].reshape(x.shape[0], length // 2, 2, x.shape[2]).max(axis=2)
    return jnp.concatenate([even, x[:, -1:]], axis=1) if length % 2 else even
