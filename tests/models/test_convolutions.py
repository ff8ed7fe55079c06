"""Convolutions and norms against their plain formulas."""

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.models.convolutions import BatchNorm, DepthwiseConv1D, correlate


def correlate_plainly(x, w):
    width = len(w)
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (width // 2, width // 2), (0, 0)))
    return sum(padded[:, k : k + x.shape[1]] @ np.asarray(w[k], np.float64) for k in range(width))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("width", [1, 5, 15])
@pytest.mark.parametrize("channels", [4, 80])
def test_convolutions_equal_the_plain_formula(dtype, width, channels):
    """In half precision too: what is rounded is the input, and sums are float32."""
    keys = jax.random.split(jax.random.key(width))
    x = jax.random.normal(keys[0], (2, 21, channels)).astype(dtype)
    w = jax.random.normal(keys[1], (width, channels, 6)).astype(dtype)
    with jax.default_matmul_precision("highest"):
        given = correlate(x, w)
    assert given.dtype == jnp.float32
    np.testing.assert_allclose(given, correlate_plainly(x, w), rtol=0, atol=2e-4)


def test_depthwise_kernels_stay_in_their_channel():
    module = hk.without_apply_rng(hk.transform(lambda x: DepthwiseConv1D(3)(x)))
    x = jax.random.normal(jax.random.key(0), (1, 9, 2))
    params = module.init(jax.random.key(1), x)
    (w,) = jax.tree.leaves(params)
    given = module.apply(params, x)
    for channel in range(2):
        expected = correlate_plainly(x[..., channel : channel + 1], w[:, :, channel : channel + 1])
        np.testing.assert_allclose(given[..., channel : channel + 1], expected, atol=1e-5)


def test_batch_norm_uses_stored_averages_and_leaves_them_alone():
    module = hk.without_apply_rng(hk.transform(lambda x: BatchNorm(1e-3)(x)))
    x = jax.random.normal(jax.random.key(0), (2, 5, 3))
    params = module.init(jax.random.key(1), x)
    assert set(params) == {"batch_norm", "batch_norm/~/mean_ema", "batch_norm/~/var_ema"}
    mean, variance, scale, offset = np.random.default_rng(0).uniform(0.5, 2, (4, 1, 3, 1))
    params["batch_norm"] = {"scale": jnp.asarray(scale), "offset": jnp.asarray(offset)}
    params["batch_norm/~/mean_ema"]["average"] = jnp.asarray(mean)
    params["batch_norm/~/var_ema"]["average"] = jnp.asarray(variance)
    mean, variance, scale, offset = (v[:, :, 0] for v in (mean, variance, scale, offset))
    expected = (x - mean) / np.sqrt(variance + 1e-3) * scale + offset
    np.testing.assert_allclose(module.apply(params, x), expected, atol=1e-5)
    gradient = jax.grad(lambda params: (module.apply(params, x) ** 2).sum())(params)
    assert np.abs(gradient["batch_norm"]["scale"]).min() > 0
    for name in ("mean_ema", "var_ema"):
        assert not np.any(gradient[f"batch_norm/~/{name}"]["average"])
