"""Convolution blocks over bases and bins, channels last, under the published names.

Shapes: B sequences, L positions, C channels. Kernels are stored as (k, in, out); biases and
batch-norm parameters keep their published channels-first shapes, (C, 1) and (1, C, 1).
"""

from collections.abc import Callable

import haiku as hk
import jax
import jax.numpy as jnp

NARROW = 256  # channels of all taps together that make one product rather than one each


class Conv1D(hk.Module):
    """Cross-correlation of odd width with zero padding; the length stays."""

    def __init__(
        self, channels: int, width: int, dtype, *, with_bias: bool = True, name: str = "conv1_d"
    ):
        super().__init__(name=name)
        self.channels, self.width, self.dtype, self.with_bias = channels, width, dtype, with_bias

    def __call__(self, x: jax.Array) -> jax.Array:
        init = hk.initializers.TruncatedNormal((self.width * x.shape[-1]) ** -0.5)
        w = hk.get_parameter("w", (self.width, x.shape[-1], self.channels), jnp.float32, init)
        y = correlate(x.astype(self.dtype), w.astype(self.dtype))
        if self.with_bias:
            y = y + hk.get_parameter("b", (self.channels, 1), jnp.float32, jnp.zeros)[:, 0]
        return y


def correlate(x: jax.Array, w: jax.Array) -> jax.Array:
    """Return float32 (B, L, O) of x (B, L, C) and w (k, C, O), accumulated in float32.

    In half precision it is matrix products, whose accumulation is the same on every device.
    """
    width, channels, _ = w.shape
    if x.dtype == jnp.float32 and width > 1:
        return jax.lax.conv_general_dilated(
            x,
            w,
            window_strides=(1,),
            padding=[(width // 2, width // 2)],
            dimension_numbers=("NWC", "WIO", "NWC"),
        )
    length = x.shape[1]
    padded = jnp.pad(x, ((0, 0), (width // 2, width // 2), (0, 0)))
    taps = [padded[:, k : k + length] for k in range(width)]
    if channels * width <= NARROW:
        taps, w = [jnp.concatenate(taps, axis=-1)], w.reshape(1, channels * width, -1)
    products = [
        jnp.matmul(tap, kernel, preferred_element_type=jnp.float32)
        for tap, kernel in zip(taps, w, strict=True)
    ]
    return sum(products[1:], products[0])


class DepthwiseConv1D(hk.Module):
    """Each channel with a kernel of its own (k, 1, C), without bias; the length stays."""

    def __init__(self, width: int, name: str = "depthwise_conv1_d"):
        super().__init__(name=name)
        self.width = width

    def __call__(self, x: jax.Array) -> jax.Array:
        init = hk.initializers.TruncatedNormal(self.width**-0.5)
        w = hk.get_parameter("w", (self.width, 1, x.shape[-1]), jnp.float32, init)
        padded = jnp.pad(x, ((0, 0), (self.width // 2, self.width // 2), (0, 0)))
        length = x.shape[1]
        return sum(padded[:, k : k + length] * w[k] for k in range(self.width))


class BatchNorm(hk.Module):
    """Normalisation by stored averages: parameters like any other, which no gradient reaches."""

    def __init__(self, eps: float, name: str = "batch_norm"):
        super().__init__(name=name)
        self.eps = eps
        self.mean = _Average("mean_ema", jnp.zeros)
        self.variance = _Average("var_ema", jnp.ones)

    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        scale = hk.get_parameter("scale", (1, channels, 1), jnp.float32, jnp.ones)[0, :, 0]
        offset = hk.get_parameter("offset", (1, channels, 1), jnp.float32, jnp.zeros)[0, :, 0]
        inverse = scale * jax.lax.rsqrt(self.variance(channels) + self.eps)
        return (x - self.mean(channels)) * inverse + offset


class _Average(hk.Module):
    """A running average (C,), without gradient."""

    def __init__(self, name: str, init: Callable):
        super().__init__(name=name)
        self.first = init

    def __call__(self, channels: int) -> jax.Array:
        average = hk.get_parameter("average", (1, channels, 1), jnp.float32, self.first)
        return jax.lax.stop_gradient(average[0, :, 0])


class ConvBlock(hk.Module):
    """Norm, activation, convolution, in this order."""

    def __init__(
        self,
        channels: int,
        width: int,
        dtype,
        *,
        activate: Callable,
        eps: float,
        name: str = "conv_block",
    ):
        super().__init__(name=name)
        self.channels, self.width, self.dtype = channels, width, dtype
        self.activate, self.eps = activate, eps

    def __call__(self, x: jax.Array) -> jax.Array:
        return Conv1D(self.channels, self.width, self.dtype)(self.activate(BatchNorm(self.eps)(x)))


class ResidualConvBlock(hk.Module):
    """x + block(x) with a kernel of one position."""

    def __init__(self, dtype, *, activate: Callable, eps: float, name="residual_conv_block"):
        super().__init__(name=name)
        self.dtype, self.activate, self.eps = dtype, activate, eps

    def __call__(self, x: jax.Array) -> jax.Array:
        block = ConvBlock(x.shape[-1], 1, self.dtype, activate=self.activate, eps=self.eps)
        return x + block(x)
