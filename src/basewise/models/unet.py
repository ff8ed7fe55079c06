"""The 1D U-Net that turns token embeddings into per-nucleotide logits.

de Almeida et al. 2025, Nature Methods, doi:10.1038/s41592-025-02881-2. Channels last; every
convolution has kernel 3, stride 1, same padding; two levels of average pooling.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError

LEVELS = 2


class _Conv(hk.Module):
    """Kernel-3 convolution; ``is_transposed`` only stores the kernel as (k, out, in)."""

    def __init__(self, channels: int, dtype, *, is_transposed: bool = False, name: str):
        super().__init__(name=name)
        self.channels, self.dtype, self.is_transposed = channels, dtype, is_transposed

    def __call__(self, x: jax.Array) -> jax.Array:
        stored = (
            (3, self.channels, x.shape[-1])
            if self.is_transposed
            else (3, x.shape[-1], self.channels)
        )
        init = hk.initializers.TruncatedNormal((3 * x.shape[-1]) ** -0.5)
        w = hk.get_parameter("w", stored, jnp.float32, init).astype(self.dtype)
        b = hk.get_parameter("b", (self.channels,), jnp.float32, jnp.zeros)
        if self.is_transposed:
            w = w.transpose(0, 2, 1)
        padded = jnp.pad(x.astype(self.dtype), ((0, 0), (1, 1), (0, 0)))
        length = x.shape[1]
        taps = [
            jnp.matmul(padded[:, k : k + length], w[k], preferred_element_type=jnp.float32)
            for k in range(3)
        ]
        return sum(taps) + b


class _Down(hk.Module):
    def __init__(self, channels: int, dtype, name: str = "downsample_block"):
        super().__init__(name=name)
        self.convs = [_Conv(channels, dtype, name=f"conv{i}") for i in range(2)]

    def __call__(self, x):
        for conv in self.convs:
            x = jax.nn.swish(conv(x))
        pooled = x.reshape(x.shape[0], -1, 2, x.shape[-1]).mean(axis=2)
        return pooled, x


class _Up(hk.Module):
    def __init__(self, channels: int, dtype, name: str = "upsample_block"):
        super().__init__(name=name)
        self.convs = [
            _Conv(channels, dtype, is_transposed=True, name=f"conv_transpose{i}") for i in range(2)
        ]

    def __call__(self, x, skip):
        for conv in self.convs:
            x = jax.nn.swish(conv(x))
        return jnp.repeat(x, 2, axis=1) + skip


class _Final(hk.Module):
    def __init__(self, channels: int, dtype, name: str = "final_conv1_d"):
        super().__init__(name=name)
        self.convs = [_Conv(channels, dtype, name=f"conv{i}") for i in range(2)]

    def __call__(self, x):
        return self.convs[1](jax.nn.swish(self.convs[0](x)))


class _UNet(hk.Module):
    def __init__(self, channels: int, dtype, name: str = "unet1_d_segmentation_head"):
        super().__init__(name=name)
        self.down = [
            _Down(channels * 2**i, dtype, name=f"downsample_block_{i}") for i in range(LEVELS)
        ]
        self.up = [
            _Up(channels * 2**i, dtype, name=f"upsample_block_{LEVELS - 1 - i}")
            for i in reversed(range(LEVELS))
        ]
        self.final = _Final(2 * (channels // 2), dtype)

    def __call__(self, x):
        skips = []
        for block in self.down:
            x, skip = block(x)
            skips.append(skip)
        for block in self.up:
            x = block(x, skips.pop())
        return self.final(x)


class SegmentationHead(hk.Module):
    """Logits (B, L · bp_per_token, features, 2) of embeddings (B, L, D); 4 divides L."""

    def __init__(
        self,
        channels: int,
        n_features: int,
        bp_per_token: int,
        dtype=jnp.float32,
        name: str = "segmentation_head",
    ):
        super().__init__(name=name)
        self.n_features, self.bp_per_token, self.dtype = n_features, bp_per_token, dtype
        self.unet = _UNet(channels, dtype)
        self.fc = hk.Linear(bp_per_token * 2 * n_features, name="fc")

    def __call__(self, x: jax.Array) -> jax.Array:
        if x.shape[1] % 2**LEVELS:
            raise BasewiseError(
                f"the segmentation head needs a multiple of {2**LEVELS} tokens (CLS not counted)",
                found=f"{x.shape[1]} tokens",
                hint=f"Use windows that are a multiple of {2**LEVELS * self.bp_per_token} bp.",
            )
        logits = self.fc(jax.nn.swish(self.unet(x)))
        return logits.reshape(x.shape[0], -1, self.n_features, 2)
