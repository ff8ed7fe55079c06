"""Every published architecture against the reference's own inputs, parameters and outputs."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.checkpoints.published.names import normalise_name
from basewise.models import parameters
from basewise.models.nucleotide_transformer import Trunk
from basewise.models.segment_nt import SegmentNT, SegmentNTConfig
from basewise.models.trunk_config import NucleotideTransformerConfig

LANGUAGE_MODELS = ["v1", "agro", "v2", "codon", "variant_embln", "variant_biaskv", "variant_postln"]
SEGMENTATION_MODELS = ["segment", "segment_pad"]


@pytest.fixture(scope="module")
def manifest(shared):
    return json.loads((shared / "goldens" / "golden_nt_manifest.json").read_text())["cases"]


@pytest.fixture(autouse=True)
def exact_matmuls():
    with jax.default_matmul_precision("highest"):
        yield


def load(shared, case):
    with np.load(shared / "goldens" / f"golden_nt_{case}.npz") as archive:
        arrays = dict(archive)
    published = {
        normalise_name(key.removeprefix("p:")): value
        for key, value in arrays.items()
        if key.startswith("p:")
    }
    return arrays, published


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
def test_language_models_equal_the_reference(shared, manifest, name):
    arrays, published = load(shared, name)
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


@pytest.mark.parametrize("name", SEGMENTATION_MODELS)
def test_segmentation_models_equal_the_reference(shared, manifest, name):
    arrays, published = load(shared, name)
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
