"""What training of binding minimises, and Pearson's correlation of a batch.

Bins whose target is NaN have no value, and count for nothing.

Shapes: B examples, n bins, T tracks.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from basewise.models.binding.config import BindingConfig
from basewise.models.binding.model import BindingModel

LEAST_RATE, LEAST_NORM = 1e-20, 1e-8


class BindingBatch(NamedTuple):
    """Examples of one micro-batch; either of the windows' and the pairs' first axes may be 1.

    Attributes:
        inputs: what ``trunk.encode`` makes of the windows' bases.
        protein: float (B, j, P); protein_mask: bool (B, j), True for residues.
        context: float (B, C), or None where the adapter conditions on nothing.
        target: float (B,) labels of a binary adapter, or (B, n) values of a track.
        read_value, peaks_nr: float (B,), of the auxiliary loss; None without it.
    """

    inputs: jax.Array
    protein: jax.Array
    protein_mask: jax.Array | None
    context: jax.Array | None
    target: jax.Array
    read_value: jax.Array | None = None
    peaks_nr: jax.Array | None = None


def poisson_loss(predicted: jax.Array, target: jax.Array) -> jax.Array:
    """Return the mean Poisson loss of rates, without the term that only the target has."""
    is_known = ~jnp.isnan(target)
    target = jnp.where(is_known, target, 0.0)
    losses = predicted - target * jnp.log(jnp.maximum(predicted, LEAST_RATE))
    return _mean_of(losses, is_known)


def pearson(predicted: jax.Array, target: jax.Array) -> jax.Array:
    """Return Pearson's correlation over bins, of each example (B,) or its tracks (B, T).

    Args:
        predicted, target: (B, n) or (B, n, T); the bins are always axis 1. A constant track
            correlates 0, and so does one without a known bin.
    """
    is_known = ~jnp.isnan(target)
    return (_standardise(predicted, is_known) * _standardise(target, is_known)).sum(axis=1)


def _mean_of(values: jax.Array, is_counted: jax.Array) -> jax.Array:
    """The mean of some values, 0 of none; those that do not count may be anything finite."""
    return jnp.where(is_counted, values, 0.0).sum() / jnp.maximum(is_counted.sum(), 1)


def _standardise(values: jax.Array, is_known: jax.Array) -> jax.Array:
    values = jnp.where(is_known, values, 0.0)
    n = jnp.maximum(is_known.sum(axis=1, keepdims=True), 1)
    centred = jnp.where(is_known, values - values.sum(axis=1, keepdims=True) / n, 0.0)
    squared = (centred**2).sum(axis=1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.maximum(squared, LEAST_NORM**2))


def correlation_loss(predicted: jax.Array, target: jax.Array) -> jax.Array:
    """Return 1 - the mean of ``pearson`` over what has a known bin."""
    return 1.0 - _mean_of(pearson(predicted, target), (~jnp.isnan(target)).any(axis=1))


def read_value_loss(predicted: jax.Array, read_value: jax.Array) -> jax.Array:
    """Return the mean smooth L1 loss (B,), quadratic below 1."""
    return optax.huber_loss(predicted, read_value).mean()


def track_loss(config: BindingConfig, predicted: jax.Array, target: jax.Array) -> jax.Array:
    """Return the loss of values per bin, (B, n) or (B, n, T), that the config asks for."""
    loss = correlation_loss if config.use_corr_coef_loss else poisson_loss
    return loss(predicted, target)


def binary_loss(config: BindingConfig, logit: jax.Array, label: jax.Array) -> jax.Array:
    """Return the mean loss of logits (B,) that the config asks for; labels are floats."""
    if config.target_mse_loss:
        return ((logit - label) ** 2).mean()
    return optax.sigmoid_binary_cross_entropy(logit, label).mean()


def binding_loss(
    model: BindingModel, params: dict, batch: BindingBatch, rng: jax.Array | None = None
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return what is minimised and its parts; with ``rng``, as in training, with dropout.

    Returns:
        The total, and ``loss``, ``total_loss`` and, where the config asks for it, ``aux_loss``.
    """
    config = model.config
    outputs = model.apply(
        params,
        batch.inputs,
        batch.protein,
        batch.protein_mask,
        batch.context,
        peaks_nr=batch.peaks_nr if config.aux_read_value_loss else None,
        rng=rng,
        is_training=rng is not None,
    )
    return outputs_loss(config, outputs, batch)


def outputs_loss(
    config: BindingConfig, outputs: dict[str, jax.Array], batch: BindingBatch
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return the same of ``Adapter.apply``'s outputs."""
    target = batch.target.astype(jnp.float32)
    if not config.binary_target:
        loss = track_loss(config, outputs["track"], target)
        return loss, {"loss": loss, "total_loss": loss}
    loss = binary_loss(config, outputs["logit"], target)
    if not config.aux_read_value_loss:
        return loss, {"loss": loss, "total_loss": loss}
    aux = read_value_loss(outputs["read_value"], batch.read_value)
    total = loss + config.read_value_aux_loss_weight * aux
    return total, {"loss": loss, "aux_loss": aux, "total_loss": total}


def head_loss(
    model: BindingModel, params: dict, inputs: jax.Array, target: jax.Array, *, head: str
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return the loss of a head on the trunk alone, target float (B, n, T), and it by name."""
    loss = track_loss(model.config, model.predict_head(params, inputs, head), target)
    return loss, {f"{head}_head_loss": loss}
