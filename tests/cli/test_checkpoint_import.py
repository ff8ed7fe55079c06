"""Every published model in every layout it comes in: imported from the command line, it answers
as the reference does."""

import json

import jax
import numpy as np
import pytest

from basewise.checkpoints import hash_checkpoint, read_config
from basewise.checkpoints.store import load_checkpoint, load_language_model
from basewise.models.zoo import ZOO
from basewise.tokenizers import TOKENIZERS

JAX_LAYOUTS = ("joblib", "compressed", "old_names", "jax_arrays")
TORCH_LAYOUTS = ("safetensors", "bin")
GEOMETRY = ("family", "architecture", "tile_spec")


@pytest.fixture(autouse=True)
def exact_matmuls():
    with jax.default_matmul_precision("highest"):
        yield


def assert_close(value, expected):
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value, expected, rtol=0, atol=2e-5 * scale)


ANSWERED = set()  # what was compared already: the same arrays in the same architecture


def assert_answers(checkpoint, reference, published_writer):
    """Compare what a checkpoint's model says with the reference's outputs."""
    config = read_config(checkpoint)
    key = (hash_checkpoint(checkpoint), *(json.dumps(config[k]) for k in GEOMETRY))
    if key in ANSWERED:
        return
    compare_answers(checkpoint, reference, published_writer)
    ANSWERED.add(key)


def compare_answers(checkpoint, reference, published_writer):
    tokens, arrays = reference.arrays["i:tokens"], reference.arrays
    if reference.is_one_hot:
        model, params, _ = load_checkpoint(checkpoint)
        spelt = [published_writer.spell(row, TOKENIZERS["single_nt"]) for row in tokens]
        bases = np.array([np.frombuffer(text.encode(), np.uint8) for text in spelt])
        assert bases.shape == tokens.shape
        assert_close(jax.jit(model.logits)(params, model.encode(bases)), arrays["o:logits"])
    elif reference.case == "segment":
        model, params, _ = load_checkpoint(checkpoint)
        assert_close(jax.jit(model.logits)(params, tokens), arrays["o:logits"])
    else:
        model, params, _ = load_language_model(checkpoint)
        last = model.n_layers
        outputs = model.inspect(params, tokens, layers=(last,), logits=True)
        assert_close(outputs["logits"], arrays["o:logits"])
        assert_close(outputs[f"embeddings_{last}"], arrays[f"o:embeddings_{last}"])


@pytest.mark.parametrize("model", ZOO)
@pytest.mark.parametrize("layout", JAX_LAYOUTS)
def test_from_joblib(publish, bring, reference, published_writer, model, layout):
    """The sizes of k-mer models are told by their files, those of others with --config."""
    given = reference(model)
    overrides = given.overrides() if given.is_one_hot else None
    checkpoint = bring(publish(model, layout), model, overrides)
    assert_answers(checkpoint, given, published_writer)
    config = read_config(checkpoint)
    assert config["name"] == model
    assert config["source"] == ZOO[model].source
    assert config["licence"] == "CC-BY-NC-SA-4.0"
    assert config["species"] == list(ZOO[model].species)


@pytest.mark.parametrize("model", ZOO)
@pytest.mark.parametrize("layout", TORCH_LAYOUTS)
def test_from_torch(publish, bring, reference, published_writer, model, layout):
    given = reference(model)
    checkpoint = bring(publish(model, layout), model, given.overrides())
    assert_answers(checkpoint, given, published_writer)
    (weights,) = read_config(checkpoint)["files"]
    name = {"safetensors": "model.safetensors", "bin": "pytorch_model.bin"}[layout]
    assert weights["path"] == name
    assert len(weights["sha256"]) == 64
