"""Self-attention with learned relative positions, as Enformer and Borzoi have it.

Avsec et al. 2021, doi:10.1038/s41592-021-01252-x; after Dai et al. 2019, arXiv:1901.02860.
Shapes: B sequences, L bins, H heads, K channels per head of keys, V of values.
"""

import haiku as hk
import jax
import jax.numpy as jnp
from jax import lax

from basewise.models.attention import pick_block
from basewise.models.layers import Dense


def relative_attention(
    content_query: jax.Array,
    position_query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    position_key: jax.Array,
    *,
    block: int | None = None,
) -> jax.Array:
    """Return attention-weighted values (B, L, H, V) in the dtype of the queries.

    The logit of query i and key j is content_query_i · key_j + position_query_i ·
    position_key_(j - i + L - 1). One block of queries after another meets only the rows of
    position_key it can reach, so memory is B·H·block·(L + block).

    Args:
        content_query, position_query: scaled queries plus their biases (B, L, H, K).
        key: (B, L, H, K); value: (B, L, H, V).
        position_key: (2L - 1, H, K), row t for the distance t - (L - 1).
        block: queries at a time; None suits the device. Softmax is float32.
    """
    batch, length, heads, size = content_query.shape
    block = block or pick_block(length, batch * heads * length)
    n_blocks = -(-length // block)
    padded = n_blocks * block

    def cut(query):
        query = jnp.pad(query, ((0, 0), (0, padded - length), (0, 0), (0, 0)))
        return query.reshape(batch, n_blocks, block, heads, size).transpose(1, 0, 3, 2, 4)

    keys = key.transpose(0, 2, 3, 1)
    values = value.transpose(0, 2, 1, 3)
    position_keys = position_key.transpose(1, 2, 0)
    position_keys = jnp.pad(position_keys, ((0, 0), (0, 0), (padded - length, 0)))
    reached = length + block - 1

    @jax.checkpoint
    def attend_block(operand):
        content, position, number = operand
        first = padded - block * (number + 1)
        near = lax.dynamic_slice_in_dim(position_keys, first, reached, axis=2)
        logits = jnp.matmul(content, keys, preferred_element_type=jnp.float32)
        logits += shear(jnp.matmul(position, near, preferred_element_type=jnp.float32), length)
        weights = jnp.exp(logits - lax.stop_gradient(logits.max(axis=-1, keepdims=True)))
        total = weights.sum(axis=-1, keepdims=True)
        mixed = jnp.matmul(weights.astype(values.dtype), values, preferred_element_type=jnp.float32)
        return (mixed / total).astype(content_query.dtype)

    numbers = jnp.arange(n_blocks)
    mixed = lax.map(attend_block, (cut(content_query), cut(position_query), numbers))
    mixed = mixed.transpose(1, 0, 3, 2, 4).reshape(batch, padded, heads, value.shape[-1])
    return mixed[:, :length]


def shear(logits: jax.Array, length: int) -> jax.Array:
    """Return out (…, b, length) with out[i, j] = logits[i, j - i + b - 1].

    The rows are read at a stride one shorter than they are, so no index is computed.
    """
    *outer, block, reached = logits.shape
    if block == 1:
        return logits
    flat = logits.reshape(*outer, block * reached)
    flat = flat[..., block - 1 : block - 1 + block * (reached - 1)]
    return flat.reshape(*outer, block, reached - 1)[..., :length]


class RelativeAttention(hk.Module):
    """Multi-head self-attention with relative positions."""

    def __init__(self, heads: int, key_size: int, value_size: int, dtype, name: str = "attention"):
        super().__init__(name=name)
        self.heads, self.key_size, self.value_size, self.dtype = heads, key_size, value_size, dtype
        keys = heads * key_size
        self.query = Dense(keys, with_bias=False, dtype=dtype, name="attn_q")
        self.key = Dense(keys, with_bias=False, dtype=dtype, name="attn_k")
        self.value = Dense(heads * value_size, with_bias=False, dtype=dtype, name="attn_v")
        self.position_key = Dense(keys, with_bias=False, name="attn_to_rel_k")
        self.output = Dense(heads * value_size, dtype=dtype, name="attn_o")

    def __call__(self, x: jax.Array, positions: jax.Array) -> jax.Array:
        """Return (B, L, D) of x (B, L, D) and the features (2L - 1, F) of relative positions."""
        shape = (*x.shape[:2], self.heads)
        query = self.query(x).reshape(*shape, self.key_size) * self.key_size**-0.5
        position_key = self.position_key(positions).reshape(-1, self.heads, self.key_size)
        parts = (
            query + self._bias("rel_content_bias"),
            query + self._bias("rel_pos_bias"),
            self.key(x).reshape(*shape, self.key_size),
            self.value(x).reshape(*shape, self.value_size),
            position_key,
        )
        mixed = relative_attention(*(part.astype(self.dtype) for part in parts))
        return self.output(mixed.reshape(*x.shape[:2], -1))

    @hk.transparent
    def _bias(self, name: str) -> jax.Array:
        shape = (1, self.heads, 1, self.key_size)
        bias = hk.get_parameter(name, shape, jnp.float32, hk.initializers.RandomNormal())
        return bias[0, :, 0]
