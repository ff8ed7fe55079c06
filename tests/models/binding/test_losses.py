"""Losses, their gradients, and two steps of the optimiser against the reference."""

import jax
import numpy as np
import optax
import pytest

from basewise.checkpoints.binding_import import map_binding_names, take_binding_arrays
from basewise.models import parameters
from basewise.training.binding_losses import (
    binding_loss,
    correlation_loss,
    head_loss,
    outputs_loss,
    pearson,
    poisson_loss,
)
from basewise.training.optimiser import build_optimiser
from basewise.training.step import build_step, start_learning
from basewise.training.trainable import choose_trainable, merge_params

FAST = ("track_default", "binary_se_aux")
SLOW = (
    "track_film",
    "track_squeeze_excite",
    "track_corrloss_selfattn",
    "track_no_hypergrid",
    "track_joint_depth2_pad",
    "track_one_seq_many_tf",
    "binary_film",
    "binary_mse_aux_fourier256",
)
NEARLY_FLAT = ("track_corrloss_selfattn", "to_pred.0.bias")  # the manifest: 6.6e-3 of 7.5e-5


def evaluate(golden, params):
    """What is minimised, its parts and the outputs."""
    batch = golden.batch()
    config = golden.model.config
    outputs = golden.model.adapter.apply(
        params["adapter"],
        golden.embed(params),
        batch.protein,
        batch.protein_mask,
        batch.context,
        peaks_nr=batch.peaks_nr if config.aux_read_value_loss else None,
    )
    total, parts = outputs_loss(config, outputs, batch)
    return total, (parts, outputs)


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_losses_and_gradients_equal_the_reference(load_golden, name):
    golden = load_golden(name)
    differentiate = jax.jit(jax.value_and_grad(lambda p: evaluate(golden, p), has_aux=True))
    (_, (parts, outputs)), gradients = differentiate(golden.params)
    expected = golden.take("out/")
    np.testing.assert_allclose(parts["loss"], expected["loss"], rtol=1e-5)
    if "aux_loss" in parts:
        for part in ("aux_loss", "total_loss"):
            np.testing.assert_allclose(parts[part], expected[part], rtol=1e-5)
    if "track" in outputs:
        correlation = pearson(outputs["track"], golden.batch().target).mean()
        np.testing.assert_allclose(correlation, expected["corr_coef"], atol=1e-4)
    gradients = parameters.flatten(gradients)
    assert_gradients(golden, name, gradients)
    averages = [values for leaf, values in gradients.items() if leaf.endswith("|average")]
    assert averages
    assert not any(np.any(average) for average in averages)


def assert_gradients(golden, name, gradients):
    names = map_binding_names(golden.weights, gradients)
    norms = golden.take("gradnorm/")
    assert len(norms) > 60
    for torch, norm in norms.items():
        found = np.linalg.norm(gradients[names[torch][0]])
        rtol = 2e-2 if (name, torch) == NEARLY_FLAT else 1e-4
        np.testing.assert_allclose(found, norm, rtol=rtol, atol=1e-5, err_msg=torch)
    for torch, gradient in golden.take("grad/").items():
        ours, turn = names[torch]
        # Correlation divides by how little a random model's track varies, its rounding likewise.
        tolerance = 5e-4 if golden.model.config.use_corr_coef_loss else 1e-4
        atol = tolerance * max(np.abs(gradient).max(), 0.01)
        np.testing.assert_allclose(gradients[ours], turn(gradient), rtol=0, atol=atol)


@pytest.mark.parametrize("head", ["human", "mouse"])
def test_heads_on_the_trunk_equal_the_reference(load_golden, shared, head):
    golden = load_golden("heads")
    golden.weights = heads_weights(golden, shared)
    rows, target = golden.arrays["in/seq"], golden.arrays[f"in/target_{head}"]
    model, params = golden.model, golden.params
    predicted = jax.jit(model.predict_head, static_argnums=2)(params, rows, head)
    np.testing.assert_allclose(predicted, golden.arrays[f"out/pred_{head}"], rtol=1e-5, atol=1e-6)
    loss, parts = head_loss(model, params, rows, target, head=head)
    np.testing.assert_allclose(loss, golden.arrays[f"out/loss_{head}"], rtol=1e-5)
    assert set(parts) == {f"{head}_head_loss"}
    correlation = pearson(predicted, target).mean(axis=-1)
    expected = golden.arrays[f"out/corr_per_example_{head}"]
    np.testing.assert_allclose(correlation, expected, atol=1e-4)


def heads_weights(golden, shared) -> dict:
    """The case has trunk and heads alone: the adapter, which no head reads, is another's."""
    with np.load(shared / "goldens" / "golden_tf_bind_track_default.npz") as archive:
        others = {k.removeprefix("w/"): archive[k] for k in archive.files if k.startswith("w/")}
    return {**{k: v for k, v in others.items() if "_heads" not in k}, **golden.weights}


@pytest.mark.parametrize(
    ("name", "mode"), [("train_step", "layer_norms"), ("train_step_upstream_asis", "frozen")]
)
def test_two_steps_equal_the_reference(load_golden, name, mode):
    """As it stands, the reference freezes the whole trunk when asked for its layer norms."""
    golden = load_golden(name)
    params = golden.params
    trainable = choose_trainable(params, mode, read_value=True)
    optimiser = build_optimiser(3e-4, trainable, weight_decay=0.1, clip_norm=1.5)
    learner, frozen = start_learning(params, trainable, optimiser)
    step = jax.jit(
        build_step(lambda p, b, rng: binding_loss(golden.model, p, b, rng), optimiser, trainable)
    )
    for number in range(2):
        micro = [golden.batch(f"in/step{number}_micro{k}/") for k in range(2)]
        batches = jax.tree.map(lambda *arrays: np.stack(arrays), *micro)
        learner, logs = step(learner, frozen, batches, None)
        expected = golden.take(f"out/step{number}")
        norm = expected["/global_grad_norm_before_clip"]
        np.testing.assert_allclose(logs["grad_norm"], norm, rtol=1e-4)
        for part in ("loss", "aux_loss", "total_loss"):
            mean = np.mean([expected[f"_micro{k}/{part}"] for k in range(2)])
            np.testing.assert_allclose(logs[part], mean, rtol=1e-5)
    after = {**golden.weights, **golden.take("w_after_2_steps/")}
    expected = parameters.flatten(take_binding_arrays(after, golden.model))
    found = parameters.flatten(merge_params(learner.params, frozen))
    for leaf, values in expected.items():
        np.testing.assert_allclose(found[leaf], values, rtol=0, atol=3e-5, err_msg=leaf)
    changed = changed_names(golden, found)
    assert changed == set(golden.variant["parameters_changed"])


def changed_names(golden, found) -> set[str]:
    """The reference's names of what moved."""
    names = map_binding_names(golden.weights, found)
    return {
        torch
        for torch, (ours, turn) in names.items()
        if not np.array_equal(found[ours], turn(golden.weights[torch]))
    }


def test_torch_clips_like_this():
    """A gradient of length 5 clipped to 1, as clip_grad_norm_ leaves it."""
    from basewise.training.optimiser import clip_by_norm

    clip = clip_by_norm(1.0)
    clipped, _ = clip.update({"a": np.array([3.0, 4.0], np.float32)}, clip.init(None))
    np.testing.assert_allclose(clipped["a"], np.array([3.0, 4.0]) / 5.000001, rtol=1e-6)
    short, _ = clip.update({"a": np.array([0.3, 0.4], np.float32)}, clip.init(None))
    np.testing.assert_allclose(optax.tree.norm(short), 0.5, rtol=1e-6)


@pytest.mark.parametrize("loss", [poisson_loss, correlation_loss])
def test_bins_without_a_value_are_neither_learned_nor_in_the_way(loss):
    """Missing bins (NaN) give the loss of the others alone, and no gradient."""
    rng = np.random.default_rng(6)
    predicted, target = rng.random((2, 2, 9)).astype(np.float32) + 0.1
    missing = target.copy()
    missing[:, 3:5] = np.nan
    expected = loss(np.delete(predicted, [3, 4], axis=1), np.delete(target, [3, 4], axis=1))
    found, gradient = jax.value_and_grad(loss)(predicted, missing)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isfinite(gradient).all()
    assert not gradient[:, 3:5].any()
    assert gradient[:, :3].all()
    whole = np.vstack([missing, np.full((1, 9), np.nan, np.float32)])
    several = np.vstack([predicted, predicted[:1]])
    found, gradient = jax.value_and_grad(loss)(several, whole)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert not gradient[2].any()
    assert np.isfinite(loss(predicted, np.full_like(target, np.nan)))
