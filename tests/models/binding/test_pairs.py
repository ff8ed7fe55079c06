"""Many pairs on the same windows equal one pair after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.binding.adapter import Adapter
from basewise.models.binding.config import BindingConfig
from basewise.models.binding.fold import can_fold
from basewise.models.binding.pairs import PairPredictor

SIZES = {"trunk_dim": 24, "protein_dim": 10, "context_dim": 6, "latent_dim": 4, "latent_heads": 3}
SIZES |= {"attention_heads": 2, "attention_dim_head": 8}
PAIRS = np.array([[0, 0], [2, 1], [2, 0], [1, 1], [0, 1]])
OPTIONS = {
    "default": {},
    "self attention": {"genome_self_attn_depth": 1},
    "no joint block": {"joint_cross_attn_depth": 0},
    "two joint blocks": {"joint_cross_attn_depth": 2},
    "FiLM": {"condition_film": True},
    "squeeze-excitation": {"condition_squeeze_excite": True},
    "narrow": {"trunk_width": 16, "protein_width": 6},
    "two tokens": {"protein_tokens": 2},
    "a token, no joint block": {"protein_tokens": 1, "joint_cross_attn_depth": 0},
    "no context": {"condition_hypergrid": False, "context_dim": None},
    "binary": {"binary_target": True},
}


@pytest.fixture
def material():
    """Embeddings of two windows, three proteins of other lengths, two contexts."""
    rng = np.random.default_rng(3)
    mask = np.arange(7) < np.array([[7], [4], [5]])
    return {
        "embeddings": rng.normal(size=(2, 5, 24)).astype(np.float32),
        "proteins": rng.normal(size=(3, 7, 10)).astype(np.float32),
        "mask": mask,
        "contexts": rng.normal(size=(2, 6)).astype(np.float32),
    }


@pytest.fixture
def build(draw_params):
    """A function (options, dtype) -> an adapter and its parameters."""

    def make(options, dtype=jnp.float32):
        adapter = Adapter(BindingConfig(**(SIZES | options)), dtype)
        return adapter, draw_params(adapter.init)

    return make


def one_by_one(adapter, params, material):
    """Every window with every pair as an example of its own."""
    name = "logit" if adapter.config.binary_target else "track"
    n_windows, n_pairs = len(material["embeddings"]), len(PAIRS)
    protein, context = np.tile(PAIRS, (n_windows, 1)).T
    contexts = material["contexts"]
    values = jax.jit(adapter.apply)(
        params,
        np.repeat(material["embeddings"], n_pairs, axis=0),
        material["proteins"][protein],
        material["mask"][protein],
        None if contexts is None else contexts[context],
    )[name]
    return np.asarray(values).reshape(n_windows, n_pairs, *values.shape[1:])


@pytest.mark.parametrize("name", [*OPTIONS])
def test_pairs_equal_one_after_another(build, material, name):
    adapter, params = build(OPTIONS[name])
    if adapter.config.context_dim is None:
        material["contexts"] = None
    predictor = PairPredictor(adapter, at_once=2)
    with jax.default_matmul_precision("highest"):
        expected = one_by_one(adapter, params, material)
        folded = predictor.fold(params)
        found = jax.jit(predictor.predict)(params, folded, *material.values(), PAIRS)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert np.ptp(expected, axis=1).max() > 1e-4


def test_only_one_block_folds():
    configs = {name: BindingConfig(**(SIZES | options)) for name, options in OPTIONS.items()}
    folds = {name for name, config in configs.items() if can_fold(config)}
    assert folds == {"default", "self attention", "narrow", "two tokens", "no context", "binary"}


@pytest.mark.parametrize("name", ["default", "a token, no joint block"])
def test_proteins_in_buckets_equal_those_in_one(build, material, name):
    adapter, params = build(OPTIONS[name])
    predictor = PairPredictor(adapter)
    proteins, mask = material["proteins"], material["mask"]
    order = [1, 2, 0]  # by length
    buckets = [(proteins[[1, 2], :5], mask[[1, 2], :5]), (proteins[[0]], mask[[0]])]
    pairs = np.array([[order.index(protein), context] for protein, context in PAIRS])

    @jax.jit
    def predict(params, buckets):
        made = predictor.prepare(params, buckets)
        told = (material["embeddings"], made, material["contexts"], pairs)
        return predictor.predict_prepared(params, predictor.fold(params), *told)

    together = jax.jit(predictor.predict)(params, None, *material.values(), PAIRS)
    np.testing.assert_allclose(predict(params, buckets), together, rtol=1e-4, atol=1e-5)


def test_folding_stays_near_in_bfloat16(build, material):
    adapter, params = build({})
    half, _ = build({}, jnp.bfloat16)
    expected = one_by_one(adapter, params, material)
    predictor = PairPredictor(half)
    found = jax.jit(predictor.predict)(params, predictor.fold(params), *material.values(), PAIRS)
    assert found.dtype == jnp.float32
    error = np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
    assert 0 < error < 0.05


def test_contexts_are_missed(build, material):
    adapter, params = build({})
    predictor = PairPredictor(adapter)
    with pytest.raises(BasewiseError, match="conditioned on a context"):
        predictor.predict(
            params, None, material["embeddings"], material["proteins"], material["mask"], None,
            PAIRS,
        )  # fmt: skip
