"""Broadcasting, padding, dropout, precision, and what the adapter refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.binding import filip
from basewise.models.binding.adapter import Adapter
from basewise.models.binding.config import BindingConfig

SIZES = {"trunk_dim": 24, "protein_dim": 10, "context_dim": 6, "latent_dim": 4, "latent_heads": 3}
SIZES |= {"attention_heads": 2, "attention_dim_head": 8}
OPTIONS = {
    "default": {},
    "no joint block": {"joint_cross_attn_depth": 0},
    "FiLM": {"condition_film": True, "genome_self_attn_depth": 1},
    "two tokens": {"protein_tokens": 2},
    "squeeze-excitation": {"condition_squeeze_excite": True, "binary_target": True},
}


@pytest.fixture
def build(draw_params):
    """A function (dtype, options) -> an adapter and its parameters."""

    def make(dtype=jnp.float32, **options):
        adapter = Adapter(BindingConfig(**(SIZES | options)), dtype)
        return adapter, draw_params(adapter.init)

    return make


@pytest.fixture
def examples():
    """Embeddings, proteins, mask and contexts of three examples."""
    rng = np.random.default_rng(5)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    mask = np.arange(6) < np.array([[6], [3], [4]])
    return draw(3, 5, 24), draw(3, 6, 10), mask, draw(3, 6)


def predict(adapter, params, *arguments, **options):
    outputs = jax.jit(adapter.apply, static_argnames="is_training")(params, *arguments, **options)
    return outputs["logit" if adapter.config.binary_target else "track"]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("single", ["window", "pair"])
def test_broadcasting_equals_looping(build, examples, name, single):
    adapter, params = build(**OPTIONS[name])
    x, c, mask, z = examples
    given = (x[:1], c, mask, z) if single == "window" else (x, c[1:2], mask[1:2], z[1:2])
    with jax.default_matmul_precision("highest"):
        together = predict(adapter, params, *given)
        repeated = [np.repeat(a, 3, axis=0) if len(a) == 1 else a for a in given]
        alone = [predict(adapter, params, *(a[i : i + 1] for a in repeated))[0] for i in range(3)]
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIONS)
def test_padding_means_nothing(build, examples, name):
    adapter, params = build(**OPTIONS[name])
    x, c, mask, z = examples
    expected = predict(adapter, params, x, c, mask, z)
    noise = np.where(mask[..., None], c, 7.0)
    wider = np.pad(noise, ((0, 0), (0, 2), (0, 0)), constant_values=-9.0)
    padded = predict(adapter, params, x, wider, np.pad(mask, ((0, 0), (0, 2))), z)
    np.testing.assert_allclose(padded, expected, rtol=1e-4, atol=1e-5)


def test_no_mask_means_all_residues(build, examples):
    adapter, params = build()
    x, c, mask, z = examples
    everything = predict(adapter, params, x, c, np.ones_like(mask), z)
    np.testing.assert_array_equal(predict(adapter, params, x, c, None, z), everything)


def test_a_protein_without_residues_is_finite(build, examples):
    adapter, params = build(condition_squeeze_excite=True)
    x, c, mask, z = examples
    assert np.isfinite(predict(adapter, params, x, c, np.zeros_like(mask), z)).all()


@pytest.mark.parametrize("name", ["default", "FiLM"])
def test_bfloat16_stays_near_float32(build, examples, name):
    adapter, params = build(**OPTIONS[name])
    half = Adapter(adapter.config, jnp.bfloat16)
    expected = predict(adapter, params, *examples)
    error = np.asarray(predict(half, params, *examples)) - expected
    assert 0 < np.sqrt((error**2).mean() / (expected**2).mean()) < 0.05


def test_latents_of_a_window_serve_all_contexts(build, examples):
    adapter, params = build()
    x, c, mask, z = examples
    pooled = adapter.interact(params, x, c, mask)
    outputs = adapter.predict(params, pooled, z)
    expected = adapter.apply(params, x, c, mask, z)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-5, atol=1e-6)


def test_pooling_in_blocks_equals_pooling_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    bins, residues = rng.normal(size=(1, 2, 37, 4)), rng.normal(size=(3, 2, 5, 4))
    mask = np.arange(5) < np.array([[5], [2], [1]])

    def pool(bins, residues):
        return filip.pool_interactions(bins, residues, mask, double_log_n=False)

    arrays = [jnp.asarray(array, jnp.float32) for array in (bins, residues)]

    def differentiate():
        return jax.grad(lambda *a: (pool(*a) ** 2).sum(), argnums=(0, 1))(*arrays)

    once, slopes = pool(*arrays), differentiate()
    monkeypatch.setattr(filip, "pick_block", lambda *_: 16)
    np.testing.assert_allclose(pool(*arrays), once, rtol=1e-5, atol=1e-6)
    for blocked, whole in zip(differentiate(), slopes, strict=True):
        np.testing.assert_allclose(blocked, whole, rtol=1e-4, atol=1e-5)


def test_dropout_is_in_training_alone_and_follows_the_key(build, examples):
    adapter, params = build(dropout=0.3, genome_self_attn_depth=1)
    plain, _ = build(genome_self_attn_depth=1)
    expected = predict(plain, params, *examples)
    np.testing.assert_array_equal(predict(adapter, params, *examples), expected)
    first, again, other = (
        predict(adapter, params, *examples, rng=jax.random.key(key), is_training=True)
        for key in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, expected)
    with pytest.raises(BasewiseError, match="training with dropout needs an rng"):
        adapter.apply(params, *examples, is_training=True)


def test_whole_residues_drop_and_the_null_stays():
    """With one residue that matches perfectly: pooled is its value or the null's alone."""
    config = BindingConfig(**(SIZES | {"dropout": 0.4, "joint_cross_attn_depth": 0}))
    import haiku as hk

    def run(x, c):
        return filip.LatentInteraction(config, jnp.float32, config.dropout)(x, c, None)

    transformed = hk.transform(run)
    x, c = jnp.ones((2000, 1, 24)), jnp.ones((2000, 1, 10))
    params = transformed.init(jax.random.key(0), x[:1], c[:1])
    params["filip"]["null_context"] = jnp.zeros((3, 4))
    pooled = np.asarray(jax.jit(transformed.apply)(params, jax.random.key(3), x, c))[:, 0]
    values = np.unique(pooled[:, 0].round(5))
    assert len(values) == 2
    assert 0.0 in values, "the null alone: the mean over one token of similarity 0"
    dropped = (np.abs(pooled) < 1e-5).all(axis=1)
    assert abs(dropped.mean() - 0.4) < 0.05
    kept_somewhere = (np.abs(pooled) > 1e-5).any(axis=1)
    assert (dropped ^ kept_somewhere).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: np.zeros((3, 5, 23))}, r"embeddings should have the shape \(\*, \*, 24\)"),
        ({1: np.zeros((3, 6, 11))}, r"protein should have the shape .* protein_dim; found"),
        ({2: np.ones((3, 5), bool)}, r"protein_mask should have the shape \(\*, 6\)"),
        ({3: np.zeros((3, 7))}, r"context should have the shape \(\*, 6\)"),
        ({3: np.zeros((2, 6))}, r"as many, or one; found \[2, 3\]"),
        ({3: None}, "conditioned on a context; found none"),
    ],
)
def test_wrong_shapes(build, examples, change, message):
    adapter, params = build()
    given = [change.get(i, array) for i, array in enumerate(examples)]
    with pytest.raises(BasewiseError, match=message):
        adapter.apply(params, *given)


def test_tracks_have_no_read_values(build, examples):
    adapter, params = build()
    with pytest.raises(BasewiseError, match="only a binary adapter predicts read values"):
        adapter.apply(params, *examples, peaks_nr=np.ones(3))
