"""Relative attention by blocks equals the plain formula, and stays small."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.models.pooling import AttentionPool, max_pool
from basewise.models.relative_attention import relative_attention

HEADS, SIZE, VALUE_SIZE = 3, 4, 5


def draw(length, batch=2):
    rng = np.random.default_rng(length)
    shapes = [(batch, length, HEADS, SIZE)] * 3
    shapes += [(batch, length, HEADS, VALUE_SIZE), (2 * length - 1, HEADS, SIZE)]
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def plain(content, position, key, value, position_key):
    length = key.shape[1]
    rows = np.arange(length)[None] - np.arange(length)[:, None] + length - 1
    logits = jnp.einsum("bihk,bjhk->bhij", content, key)
    logits += jnp.einsum("bihk,ijhk->bhij", position, position_key[rows])
    return jnp.einsum("bhij,bjhv->bihv", jax.nn.softmax(logits), value)


@pytest.mark.parametrize("length", [1, 2, 16, 37])
@pytest.mark.parametrize("block", [1, 5, 16, None])
def test_blocks_equal_the_plain_formula(length, block):
    parts = draw(length)
    with jax.default_matmul_precision("highest"):
        given = jax.jit(lambda *parts: relative_attention(*parts, block=block))(*parts)
        np.testing.assert_allclose(given, plain(*parts), atol=2e-6)


def test_gradients_pass_through_the_blocks():
    parts = draw(20)

    def loss(function):
        return jax.grad(lambda *parts: (function(*parts) ** 2).sum(), argnums=(0, 1, 4))

    with jax.default_matmul_precision("highest"):
        given = loss(lambda *parts: relative_attention(*parts, block=8))(*parts)
        for one, other in zip(given, loss(plain)(*parts), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("n_bins", [1536, 4096])
def test_memory_stays_far_below_the_relative_logits(n_bins):
    heads, size, value_size = 8, 64, 192
    wide = jax.ShapeDtypeStruct((1, n_bins, heads, size), jnp.float32)
    value = jax.ShapeDtypeStruct((1, n_bins, heads, value_size), jnp.float32)
    rows = jax.ShapeDtypeStruct((2 * n_bins - 1, heads, size), jnp.float32)
    compiled = jax.jit(relative_attention).lower(wide, wide, wide, value, rows).compile()
    materialised = heads * n_bins * (2 * n_bins - 1) * 4
    assert compiled.memory_analysis().temp_size_in_bytes < materialised / 2


def pool_plainly(x, w):
    """Softmax over each pair, channel by channel; a lone last position weighs 1."""
    logits = x @ w
    pooled = []
    for start in range(0, x.shape[1], 2):
        weights = jax.nn.softmax(logits[:, start : start + 2], axis=1)
        pooled.append((weights * x[:, start : start + 2]).sum(axis=1))
    return jnp.stack(pooled, axis=1)


@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_attention_pooling_is_a_softmax_over_pairs(length):
    import haiku as hk

    pool = hk.without_apply_rng(hk.transform(lambda x: AttentionPool(jnp.float32)(x)))
    x = jax.random.normal(jax.random.key(length), (2, length, 6))
    params = jax.tree.map(
        lambda leaf: jax.random.normal(jax.random.key(0), leaf.shape),
        pool.init(jax.random.key(1), x),
    )
    (w,) = jax.tree.leaves(params)
    np.testing.assert_allclose(pool.apply(params, x), pool_plainly(x, w[0, 0]), atol=2e-5)


def test_max_pooling_keeps_the_last_of_an_odd_length():
    x = jnp.asarray([[[1.0], [3.0], [2.0], [-1.0], [5.0]]])
    assert max_pool(x)[0, :, 0].tolist() == [3.0, 2.0, 5.0]
