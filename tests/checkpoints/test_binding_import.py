"""State dicts of the published binding model, with and without their faults."""

import jax
import numpy as np
import pytest

from basewise.checkpoints.binding_import import (
    map_binding_names,
    read_binding_state,
    take_binding_arrays,
)
from basewise.checkpoints.torch_names import TWICE_NAMES
from basewise.errors import BasewiseError
from basewise.models import parameters
from basewise.models.binding.model import build_binding_model

TRUNK = {"embed_dim": 48, "num_transformer_layers": 2, "num_attention_heads": 4}
TRUNK |= {"attention_dim_key": 8, "num_downsamples": 4, "dim_divisible_by": 8}
TRUNK |= {"target_length": 20, "final_pointwise": True}
ADAPTER = {"trunk_dim": 96, "protein_dim": 20, "context_dim": 10, "latent_dim": 8}
ADAPTER |= {"latent_heads": 4}


@pytest.fixture(scope="module")
def weights(shared):
    with np.load(shared / "goldens" / "golden_tf_bind_track_default.npz") as archive:
        return {k.removeprefix("w/"): archive[k] for k in archive.files if k.startswith("w/")}


@pytest.fixture(scope="module")
def model():
    architecture = {
        "trunk": {"family": "enformer", "architecture": {"trunk": TRUNK}},
        "adapter": ADAPTER,
    }
    return build_binding_model(architecture)


def twice(weights):
    """As the reference saves them: every array of the trunk again, and counters."""
    numbers = {name: number for number, name in TWICE_NAMES.items()}
    again = {}
    for name, values in weights.items():
        container, _, rest = name.removeprefix("enformer.").partition(".")
        if name.startswith("enformer.") and container in numbers:
            again[f"enformer._trunk.{numbers[container]}.{rest}"] = values
            if name.endswith("running_var"):
                counter = name.replace("running_var", "num_batches_tracked")
                again[counter] = np.zeros((), np.int64)
    assert len(again) > 70
    return weights | again


def test_file_of_the_reference_is_read(tmp_path, weights, model):
    from safetensors.numpy import save_file

    path = tmp_path / "model.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in twice(weights).items()}, path)
    params = read_binding_state(path, model)
    jax.tree.map(np.testing.assert_array_equal, params, take_binding_arrays(weights, model))
    expected = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.tree.structure(params) == jax.tree.structure(expected)
    latents = params["adapter"]["binding/filip"]["to_latent_w"]
    np.testing.assert_array_equal(latents, weights["filip.to_latent_w"])


def test_names_map_one_to_one(weights, model):
    expected = parameters.flatten(jax.eval_shape(model.init, jax.random.key(0)))
    mapped = map_binding_names(weights, expected)
    ours = [name for name, _ in mapped.values()]
    assert sorted(ours) == sorted(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm_seq_embed.bias": None}, "norm_seq_embed.bias is missing"),
        ({"surprise.weight": np.zeros(3)}, "surprise.weight is unknown"),
        ({"filip.null_context": np.zeros((4, 9))}, r"null_context expected \(4, 8\), found"),
        ({"cond_genetic.to_gamma.weight": np.zeros((96, 10))}, "is not of this model"),
    ],
)
def test_other_weights_are_refused(weights, model, change, message):
    changed = {name: value for name, value in (weights | change).items() if value is not None}
    with pytest.raises(BasewiseError, match=message):
        take_binding_arrays(changed, model)
