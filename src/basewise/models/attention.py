"""Attention that never holds the whole L x L matrix, and rotary positions.

Shapes: B sequences, L tokens, H heads, K channels per head.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

MASKED_LOGIT = -1e30
# Cells of one block of logits: about a core's cache on CPU, enough to fill an accelerator.
CPU_BLOCK_CELLS, BLOCK_CELLS = 1 << 21, 1 << 26
CUDNN_MAX_HEAD_SIZE = 128


def rotary_tables(
    n_tokens: int, key_size: int, *, scale: float | None = None
) -> tuple[jax.Array, jax.Array]:
    """Return float32 cos and sin (L, K) of rotary positions (Su et al. 2021, arXiv:2104.09864).

    Args:
        scale: context extension s; the base 10,000 becomes 10,000 · s^(K / (K - 2)), and nothing
            else changes. None keeps the base.
    """
    base = 10_000.0 if scale is None else 10_000.0 * scale ** (key_size / (key_size - 2))
    exponent = jnp.arange(0, key_size, 2, dtype=jnp.float32) / key_size
    frequency = 1.0 / (base**exponent)
    angle = jnp.arange(n_tokens, dtype=jnp.float32)[:, None] * frequency[None]
    angle = jnp.concatenate([angle, angle], axis=-1)
    return jnp.cos(angle), jnp.sin(angle)


def rotate(x: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    """Turn x (B, L, H, K) by the rotary tables (L, K)."""
    first, second = jnp.split(x, 2, axis=-1)
    turned = jnp.concatenate([-second, first], axis=-1)
    return x * cos[None, :, None] + turned * sin[None, :, None]


def attention_weights(query: jax.Array, key: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Return softmax(q · k / sqrt(K)) as float32 (B, H, L, S): the maps people look at."""
    logits = jnp.einsum("bthk,bshk->bhts", query, key, preferred_element_type=jnp.float32)
    logits = logits / math.sqrt(query.shape[-1])
    if mask is not None:
        logits = jnp.where(mask, logits, MASKED_LOGIT)
    return jax.nn.softmax(logits, axis=-1)


def attend(
    query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Return attention-weighted values (B, L, H, K), with the kernel that suits the device.

    Args:
        query: (B, L, H, K); key and value: (B, S, H, K), all in the compute dtype.
        mask: bool (B, 1, L, S), True where a query may look; None for no mask.
    """
    return _kernel(query, mask)(query, key, value, mask)


def _kernel(query: jax.Array, mask: jax.Array | None) -> Callable[..., jax.Array]:
    is_half = query.dtype in (jnp.bfloat16, jnp.float16)
    size = query.shape[-1]
    is_supported = size % 8 == 0 and size <= CUDNN_MAX_HEAD_SIZE
    if jax.default_backend() == "gpu" and is_half and is_supported and mask is None:
        return _cudnn_attention
    return blocked_attention


def _cudnn_attention(query, key, value, mask):
    del mask
    return jax.nn.dot_product_attention(query, key, value, implementation="cudnn")


def pick_block(length: int, cells_per_query: int) -> int:
    """Return how many of ``length`` queries to attend at a time on the device at hand."""
    cells = CPU_BLOCK_CELLS if jax.default_backend() == "cpu" else BLOCK_CELLS
    fitting = cells // cells_per_query
    return min(length, 1 << max(fitting.bit_length() - 1, 4))


def blocked_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    *,
    block: int | None = None,
) -> jax.Array:
    """Attend one block of queries after another: memory B·H·block·S instead of B·H·L·S.

    ``block`` is chosen for the device when None. Softmax is float32 whatever the compute dtype.
    Differentiable; the backward pass recomputes each block's weights rather than keeping them.
    """
    batch, length, heads, size = query.shape
    block = block or pick_block(length, batch * heads * key.shape[1])
    n_blocks = -(-length // block)
    padded = n_blocks * block
    query = query * jnp.asarray(1.0 / math.sqrt(size), query.dtype)
    query = jnp.pad(query, ((0, 0), (0, padded - length), (0, 0), (0, 0)))
    queries = query.reshape(batch, n_blocks, block, heads, size).transpose(1, 0, 3, 2, 4)
    keys = key.transpose(0, 2, 3, 1)
    values = value.transpose(0, 2, 1, 3)
    masks = None
    if mask is not None:
        mask = jnp.broadcast_to(mask, (batch, 1, length, key.shape[1]))
        mask = jnp.pad(mask, ((0, 0), (0, 0), (0, padded - length), (0, 0)))
        masks = mask.reshape(batch, 1, n_blocks, block, -1).transpose(2, 0, 1, 3, 4)

    @jax.checkpoint
    def attend_block(operand):
        queries_here, mask_here = operand
        logits = jnp.matmul(queries_here, keys, preferred_element_type=jnp.float32)
        if mask_here is not None:
            logits = jnp.where(mask_here, logits, MASKED_LOGIT)
        weights = jnp.exp(logits - lax.stop_gradient(logits.max(axis=-1, keepdims=True)))
        total = weights.sum(axis=-1, keepdims=True)
        mixed = jnp.matmul(weights.astype(values.dtype), values, preferred_element_type=jnp.float32)
        return (mixed / total).astype(query.dtype)

    mixed = lax.map(attend_block, (queries, masks))
    mixed = mixed.transpose(1, 0, 3, 2, 4).reshape(batch, padded, heads, size)
    return mixed[:, :length]
