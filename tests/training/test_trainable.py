"""Which parameters learn, and which decay."""

import json

import jax
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.binding.model import build_binding_model
from basewise.training.optimiser import build_optimiser
from basewise.training.step import build_step, start_learning
from basewise.training.trainable import (
    choose_trainable,
    decays,
    label_parameters,
    merge_params,
    split_params,
)

TRUNK = {"embed_dim": 48, "num_transformer_layers": 2, "num_attention_heads": 4}
TRUNK |= {"attention_dim_key": 8, "num_downsamples": 4, "dim_divisible_by": 8}
TRUNK |= {"target_length": 20, "final_pointwise": True}
ADAPTER = {"trunk_dim": 96, "protein_dim": 20, "context_dim": 10, "latent_dim": 8}
ADAPTER |= {"latent_heads": 4, "finetune_output_heads": {"human": 3, "mouse": 2}}
MODES = {  # of the reference's manifest, as it means them
    "frozen": ("frozen", 0),
    "ln_only": ("layer_norms", 0),
    "full": ("all", 0),
    "ln_only_plus_last1": ("layer_norms", 1),
}


@pytest.fixture(scope="module")
def shapes():
    architecture = {
        "trunk": {"family": "enformer", "architecture": {"trunk": TRUNK}},
        "adapter": ADAPTER,
    }
    model = build_binding_model(architecture)
    return jax.eval_shape(model.init, jax.random.key(0))


@pytest.mark.parametrize("mode", MODES)
def test_as_many_tensors_learn_as_the_reference_means(shared, shapes, mode):
    path = shared / "goldens" / "golden_tf_bind_manifest.json"
    intended = json.loads(path.read_text())["training_modes"][f"intended:{mode}"]
    name, n_last = MODES[mode]
    trainable = choose_trainable(shapes, name, n_last=n_last)
    found = 0
    for part in ("edges", "layers"):
        for module, leaves in trainable[part].items():
            for leaf_name, leaf in leaves.items():
                n_blocks = shapes[part][module][leaf_name].shape[0] if part == "layers" else 1
                found += int(np.broadcast_to(leaf.reshape(-1), n_blocks).sum())
    assert found == len(intended["enformer_params_with_grad"])


def test_batch_norm_never_learns(shapes):
    labels = label_parameters(shapes)
    trainable = choose_trainable(shapes, "all", heads=("human",), read_value=True)
    learning, frozen = split_params(shapes, trainable)
    assert set(frozen) == {"edges", "heads"}
    assert set(frozen["heads"]) == {"binding_heads/mouse"}
    assert {labels["edges"][m][n] for m in frozen["edges"] for n in frozen["edges"][m]} == {
        "batch_norm"
    }
    assert merge_params(learning, frozen) == {p: dict(m) for p, m in shapes.items()}


def test_last_blocks_are_the_last(shapes):
    trainable = choose_trainable(shapes, "last", n_last=1)
    of_blocks = jax.tree.leaves(trainable["layers"])
    assert all(leaf.reshape(-1).tolist() == [False, True] for leaf in of_blocks)
    assert not any(leaf.any() for leaf in jax.tree.leaves(trainable["edges"]))


def test_what_has_two_axes_in_torch_decays(shapes):
    is_decayed = decays(shapes)
    yes = {(m, n) for p in is_decayed.values() for m, ls in p.items() for n, d in ls.items() if d}
    names = {n for _, n in yes}
    assert names == {"w", "weights", "null_context", "to_latent_w", "context_to_latent_w"} | {
        "rel_content_bias",
        "rel_pos_bias",
    }


@pytest.mark.parametrize(
    ("mode", "options", "message"),
    [
        ("layernorm", {}, "unknown training of the trunk; found 'layernorm'"),
        ("last", {}, "0 last blocks make no sense in mode 'last'"),
        ("frozen", {"n_last": 1}, "1 last blocks make no sense in mode 'frozen'"),
        ("last", {"n_last": 3}, "the trunk has 2 blocks to train last; found 3"),
        ("all", {"heads": ("rat",)}, "no such head; found 'rat'"),
    ],
)
def test_impossible_training(shapes, mode, options, message):
    with pytest.raises(BasewiseError, match=message):
        choose_trainable(shapes, mode, **options)


def test_what_does_not_learn_stays_to_the_bit():
    """Weight decay moves nothing of a frozen block, though its leaf is stacked on others."""
    params = {
        "edges": {"T/~/open": {"w": np.ones((2, 2), np.float32)}},
        "layers": {"T/layer_*/fc": {"w": np.ones((2, 3, 3), np.float32)}},
        "adapter": {"binding/to_pred": {"w": np.ones((3, 1), np.float32)}},
    }
    trainable = choose_trainable(params, "last", n_last=1)
    optimiser = build_optimiser(0.1, trainable, weight_decay=0.5, clip_norm=1.0)
    learner, frozen = start_learning(params, trainable, optimiser)
    assert set(learner.params) == {"layers", "adapter"}

    def loss(params, batch, rng):
        assert rng is None
        total = sum(leaf.sum() for leaf in jax.tree.leaves(params)) * batch.mean()
        return total, {"loss": total}

    step = jax.jit(build_step(loss, optimiser, trainable))
    learner, logs = step(learner, frozen, np.ones((2, 4), np.float32), None)
    moved = merge_params(learner.params, frozen)
    blocks = moved["layers"]["T/layer_*/fc"]["w"]
    np.testing.assert_array_equal(blocks[0], 1.0)
    np.testing.assert_allclose(blocks[1], 1.0 - 0.1 * (1.0 + 0.5), rtol=1e-4)
    np.testing.assert_array_equal(moved["edges"]["T/~/open"]["w"], 1.0)
    np.testing.assert_allclose(logs["grad_norm"], np.sqrt(9 + 3), rtol=1e-5)
