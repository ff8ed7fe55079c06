"""Every published architecture against the reference's own inputs, parameters and outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.models import parameters
from basewise.models.nucleotide_transformer import Trunk
from basewise.models.segment_nt import SegmentNT, SegmentNTConfig
from basewise.models.trunk_config import NucleotideTransformerConfig

LANGUAGE_MODELS = ["v1", "agro", "v2", "codon", "variant_embln", "variant_biaskv", "variant_postln"]
SEGMENTATION_MODELS = ["segment", "segment_pad"]
HALF_PRECISION = ["v1", "agro", "v2", "codon", *SEGMENTATION_MODELS]


@pytest.fixture(autouse=True)
def exact_matmuls():
    with jax.default_matmul_precision("highest"):
        yield


def trunk_config(case):
    known = NucleotideTransformerConfig.__dataclass_fields__
    return NucleotideTransformerConfig(**{k: v for k, v in case["config"].items() if k in known})


def head_of(number: int, n_heads: int) -> int:
    """Return the 0-based head that the reference gives when it is asked for ``number``."""
    return min(number + 1, n_heads - 1)


def assert_close(value, expected, tolerance=2e-5):
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance * scale)


def assert_inspection_matches(outputs, arrays, config, *, has_logits):
    for key, expected in arrays.items():
        if key.startswith("o:embeddings_"):
            assert_close(outputs[key.removeprefix("o:")], expected)
        elif key.startswith("o:attention_map_layer_"):
            layer, number = key.removeprefix("o:attention_map_layer_").split("_number_")
            head = head_of(int(number), config.attention_heads)
            assert_close(outputs[f"attention_{layer}_{head}"], expected, 2e-6)
    if has_logits:
        assert_close(outputs["logits"], arrays["o:logits"])


def picks(case, config):
    layers = tuple(case["config"]["embeddings_layers_to_save"])
    maps = case["config"]["attention_maps_to_save"]
    return layers, tuple((la, head_of(n, config.attention_heads)) for la, n in maps)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_language_models_equal_the_reference(load_golden, manifest, name):
    arrays, published = load_golden(name)
    config = trunk_config(manifest[name])
    trunk = Trunk(config)
    skeleton = jax.eval_shape(trunk.init, jax.random.key(0))
    assert set(parameters.flatten(skeleton)) == set(published)
    params = parameters.unflatten(published, skeleton)
    mask = arrays.get("i:attention_mask")
    mask = None if mask is None else jnp.asarray(mask)
    layers, maps = picks(manifest[name], config)
    outputs = trunk.inspect(params, arrays["i:tokens"], mask, layers=layers, attention=maps)
    assert_inspection_matches(outputs, arrays, config, has_logits=True)
    scanned = jax.jit(trunk.embed)(params, arrays["i:tokens"], mask)
    assert_close(scanned, arrays[f"o:embeddings_{config.num_layers}"])


def logits_in(dtype, case, arrays, published):
    """Logits (n, classes) of a case's tokens in a compute dtype."""
    trunk, tokens = trunk_config(case), arrays["i:tokens"]
    features = tuple(case["config"].get("features", ()))
    model = SegmentNT(SegmentNTConfig(trunk, features), dtype) if features else Trunk(trunk, dtype)
    skeleton = jax.eval_shape(model.init, jax.random.key(0))
    params = parameters.unflatten(dict(published), skeleton)
    if features:
        return np.asarray(model.logits(params, tokens)).reshape(-1, 2)
    logits = np.asarray(model.inspect(params, tokens, logits=True)["logits"])
    return logits[tokens != trunk.pad_token_id]


def test_bfloat16_stays_near_float32(load_golden, manifest):
    """Some cases are a few dozen tokens, so how often the largest logit is another is pooled."""
    is_same = []
    for name in HALF_PRECISION:
        exact, rough = (
            logits_in(dtype, manifest[name], *load_golden(name))
            for dtype in (jnp.float32, jnp.bfloat16)
        )
        error = np.sqrt(((rough - exact) ** 2).mean() / (exact**2).mean())
        assert 0 < error < 0.1, name
        agrees = exact.argmax(-1) == rough.argmax(-1)
        second, first = np.sort(exact[~agrees], axis=-1)[:, -2:].T
        assert (first - second < 0.05 * exact.std()).all(), f"{name}: more than near-ties turned"
        is_same.append(agrees)
    assert np.concatenate(is_same).mean() > 0.99


@pytest.mark.parametrize("name", SEGMENTATION_MODELS)
def test_segmentation_models_equal_the_reference(load_golden, manifest, name):
    arrays, published = load_golden(name)
    features = tuple(manifest[name]["config"]["features"])
    config = SegmentNTConfig(trunk=trunk_config(manifest[name]), features=features)
    model = SegmentNT(config)
    skeleton = jax.eval_shape(model.init, jax.random.key(0))
    assert set(parameters.flatten(skeleton)) == set(published)
    params = parameters.unflatten(published, skeleton)
    logits = jax.jit(model.logits)(params, arrays["i:tokens"])
    assert_close(logits, arrays["o:logits"])
    layers, maps = picks(manifest[name], config.trunk)
    outputs = model.trunk.inspect(params, arrays["i:tokens"], layers=layers, attention=maps)
    assert_inspection_matches(outputs, arrays, config.trunk, has_logits=False)
