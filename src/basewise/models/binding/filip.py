"""Comparison of every bin with every residue in latent heads, and a soft maximum over residues.

After Yao et al. 2021 (FILIP), arXiv:2111.07783. Shapes: B examples, n bins, j residues, H latent
heads, d channels of each. Either side's B may be 1.
"""

import haiku as hk
import jax
import jax.numpy as jnp
from jax import lax

from basewise.models.attention import pick_block
from basewise.models.binding.config import BindingConfig
from basewise.models.binding.joint_attention import split_heads
from basewise.models.binding.layers import matmul

TEMPERATURE = 0.05
SHORTEST = 1e-12


class LatentInteraction(hk.Module):
    """The best match of each bin among the residues and one learned null token, per head."""

    def __init__(self, config: BindingConfig, dtype, dropout: float, name: str = "filip"):
        super().__init__(name=name)
        self.config, self.dtype, self.dropout = config, dtype, dropout

    def __call__(
        self, x: jax.Array, c: jax.Array, mask: jax.Array | None, *, pooled: bool = True
    ) -> jax.Array:
        """Return float32 (B, n, H) of bins (B, n, E) and residues (B, j, P).

        In training each residue is dropped for the whole example with probability ``dropout``,
        without rescaling; the null token always stays.

        Args:
            mask: (B, j), True for residues.
            pooled: False returns the similarities (B, H, n, 1 + j) before pooling.
        """
        w, b = self._latent("to_latent", x.shape[-1])
        bins = to_unit_latents(matmul(x, w, self.dtype) + b, self.config.latent_heads)
        w, b = self._latent("context_to_latent", c.shape[-1])
        residues = to_unit_latents(matmul(c, w, self.dtype) + b, self.config.latent_heads)
        if mask is None:
            mask = jnp.ones(c.shape[:2], bool)
        if self.dropout:
            n_examples = max(x.shape[0], mask.shape[0])
            shape = (n_examples, mask.shape[1])
            mask = mask & jax.random.bernoulli(hk.next_rng_key(), 1.0 - self.dropout, shape)
        residues, mask = with_null(residues, mask, self._null())
        if not pooled:
            return matmul(bins, residues.swapaxes(-1, -2), self.dtype)
        return pool_interactions(
            bins.astype(self.dtype),
            residues.astype(self.dtype),
            mask,
            double_log_n=self.config.legacy_double_log_n,
        )

    @hk.transparent
    def _latent(self, name: str, width: int):
        size = self.config.latent_heads * self.config.latent_dim
        init = hk.initializers.RandomNormal()
        w = hk.get_parameter(f"{name}_w", (width, size), jnp.float32, init)
        return w, hk.get_parameter(f"{name}_b", (size,), jnp.float32, init)

    @hk.transparent
    def _null(self):
        shape = (self.config.latent_heads, self.config.latent_dim)
        init = hk.initializers.RandomNormal()
        return hk.get_parameter("null_context", shape, jnp.float32, init)


def to_unit_latents(x: jax.Array, heads: int) -> jax.Array:
    """Return (B, H, n, d) of length 1 each, of (B, n, H · d)."""
    x = split_heads(x, heads)
    squared = (x * x).sum(axis=-1, keepdims=True)
    return x * lax.rsqrt(jnp.maximum(squared, SHORTEST**2))


def with_null(residues: jax.Array, mask: jax.Array, null: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return residues (B, H, 1 + j, d) and mask (B, 1 + j) with the null token (H, d) in front."""
    first = jnp.broadcast_to(null[None, :, None], (*residues.shape[:2], 1, residues.shape[-1]))
    mask = jnp.pad(mask, ((0, 0), (1, 0)), constant_values=True)
    return jnp.concatenate([first.astype(residues.dtype), residues], axis=2), mask


def pool_interactions(
    bins: jax.Array, residues: jax.Array, mask: jax.Array, *, double_log_n: bool
) -> jax.Array:
    """Return float32 (B, n, H): τ · log of the mean of exp(similarity / τ) over residues.

    One block of bins after another, so that (B, H, n, j) is never held; the backward pass
    computes each block again.

    Args:
        bins: (B, H, n, d); residues: (B, H, j, d); mask: (B, j), True for what counts.
        double_log_n: subtract the logarithm of the number of residues twice.
    """
    heads, n_bins = bins.shape[1:3]
    n_examples = max(bins.shape[0], residues.shape[0], mask.shape[0])
    n_counted = mask.sum(axis=-1).astype(jnp.float32)[:, None, None]
    log_n = jnp.log(n_counted) * (2.0 if double_log_n else 1.0)
    keys = residues.swapaxes(-1, -2)

    @jax.checkpoint
    def pool(block):
        similarity = matmul(block, keys, block.dtype) / TEMPERATURE
        similarity = jnp.where(mask[:, None, None], similarity, -jnp.inf)
        return TEMPERATURE * (jax.nn.logsumexp(similarity, axis=-1) - log_n)

    size = pick_block(n_bins, n_examples * heads * residues.shape[2])
    n_blocks = -(-n_bins // size)
    if n_blocks == 1:
        return pool(bins).transpose(0, 2, 1)
    padded = jnp.pad(bins, ((0, 0), (0, 0), (0, n_blocks * size - n_bins), (0, 0)))
    blocks = padded.reshape(*bins.shape[:2], n_blocks, size, -1).transpose(2, 0, 1, 3, 4)
    pooled = lax.map(pool, blocks)
    pooled = pooled.transpose(1, 0, 3, 2).reshape(n_examples, n_blocks * size, heads)
    return pooled[:, :n_bins]
