"""Full-size models by name and shape of every parameter, and what they need of memory."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.checkpoints.published.names import is_left_out, normalise_name
from basewise.models import attention
from basewise.models.families import build_skeleton, build_track_model
from basewise.models.parameters import flatten
from basewise.models.zoo import ZOO


def published_tree(shared, name):
    paths = (shared / "spec").glob("param_tree_*.json")
    (tree,) = (t[name] for p in paths if name in (t := json.loads(p.read_text())["models"]))
    return tree


@pytest.mark.parametrize("name", ZOO)
def test_parameter_trees_equal_the_published_ones(shared, name):
    tree = published_tree(shared, name)
    family, stored = ZOO[name].family, tree["params"] + tree.get("state", [])
    published = {normalise_name(key, family): tuple(shape) for key, shape, _ in stored}
    is_kept = {n: not is_left_out(n) and not n.endswith(("|hidden", "|counter")) for n in published}
    skeleton = flatten(build_skeleton(ZOO[name].to_config()))
    assert {key: tuple(leaf.shape) for key, leaf in skeleton.items()} == {
        key: shape for key, shape in published.items() if is_kept[key]
    }
    assert ZOO[name].parameters == tree["num_params"]


ONE_HOT_BRANCHES = {
    "segment_enformer": {"final_pointwise": True, "species_heads": True},
    "segment_borzoi": {"species_heads": True},
}


@pytest.mark.parametrize("name", ONE_HOT_BRANCHES)
def test_branches_that_segmentation_skips_can_be_had(shared, name):
    tree = published_tree(shared, name)
    config = ZOO[name].to_config()
    config["architecture"]["trunk"] |= ONE_HOT_BRANCHES[name]
    found = {key: leaf.shape for key, leaf in flatten(build_skeleton(config)).items()}
    published = {normalise_name(key): tuple(shape) for key, shape, _ in tree["params"]}
    assert {key: shape for key, shape in found.items() if "_ema" not in key} == published


@pytest.mark.parametrize("name", ONE_HOT_BRANCHES)
def test_one_hot_models_predict_196608_bp(name):
    config = ZOO[name].to_config()
    model = build_track_model(config)
    codes = jax.ShapeDtypeStruct((1, model.tile_spec.context_bp), jnp.uint8)
    values = jax.eval_shape(model.apply, build_skeleton(config), codes)
    assert values.shape == (1, 196_608, 14)
    assert model.tile_spec.predicted_bp() == 196_608


def test_attention_never_holds_the_whole_matrix():
    heads, length, size = 16, 5001, 32
    shape = jax.ShapeDtypeStruct((1, length, heads, size), jnp.float32)
    compiled = jax.jit(attention.blocked_attention).lower(shape, shape, shape).compile()
    materialised = heads * length * length * 4
    assert compiled.memory_analysis().temp_size_in_bytes < materialised / 10


@pytest.mark.parametrize("length", [1, 16, 17, 100])
@pytest.mark.parametrize("block", [16, 64, None])
def test_blocked_attention_equals_the_plain_formula(length, block):
    rng = np.random.default_rng(length)
    query, key, value = rng.normal(size=(3, 2, length, 3, 4)).astype(np.float32)
    mask = rng.random((2, 1, length, length)) < 0.8
    mask[..., 0] = True
    for where in (None, mask):
        weights = attention.attention_weights(query, key, where)
        expected = jnp.einsum("bhts,bshk->bthk", weights, value)
        given = attention.blocked_attention(query, key, value, where, block=block)
        np.testing.assert_allclose(given, expected, atol=2e-6)


def test_gradients_pass_through_the_blocks():
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, 1, 20, 2, 4)).astype(np.float32)

    def blocked(query):
        return (attention.blocked_attention(query, key, value, block=8) ** 2).sum()

    def plain(query):
        weights = attention.attention_weights(query, key)
        return (jnp.einsum("bhts,bshk->bthk", weights, value) ** 2).sum()

    np.testing.assert_allclose(jax.grad(blocked)(query), jax.grad(plain)(query), atol=1e-5)


@pytest.mark.parametrize("stem", ["k32_rfnone_L2048", "k48_rfnone_L2048", "k64_rf2.44140625_L5001"])
def test_rotary_tables_equal_the_reference(shared, stem):
    size, scale, length = stem.split("_")
    scale = None if scale == "rfnone" else float(scale.removeprefix("rf"))
    cos, sin = attention.rotary_tables(
        int(length.removeprefix("L")), int(size.removeprefix("k")), scale=scale
    )
    with np.load(shared / "goldens" / "golden_nt_positional.npz") as golden:
        rows = golden[f"rotary_{stem}_rows"]
        np.testing.assert_allclose(cos[rows], golden[f"rotary_{stem}_cos"], atol=1e-6)
        np.testing.assert_allclose(sin[rows], golden[f"rotary_{stem}_sin"], atol=1e-6)


@pytest.mark.parametrize(
    ("tokens", "scale"),
    [(9, 5000 / 2048), (5001, 5000 / 2048), (5002, 5002 / 2048), (8333, 4.06884765625)],
)
def test_longer_windows_stretch_the_rotary_base(tokens, scale):
    assert ZOO["segment_nt"].trunk.rotary_scale(tokens) == scale
