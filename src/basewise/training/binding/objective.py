"""What is predicted of a batch of windows and pairs, and what training minimises of it.

Shapes: B windows, T pairs, n bins.
"""

import jax
import jax.numpy as jnp
import optax

from basewise.models.binding.model import BindingModel
from basewise.training.binding.examples import PairBatch
from basewise.training.binding_losses import (
    BindingBatch,
    outputs_loss,
    read_value_loss,
    track_loss,
)


def predict_own(
    model: BindingModel, params: dict, batch: PairBatch, rng: jax.Array | None = None
) -> dict[str, jax.Array]:
    """Return the adapter's outputs of each window and its own pair, first axis B."""
    embeddings = model.trunk.embed(params, batch.inputs)
    return predict_own_embedded(model, params, embeddings, batch, rng)


def predict_own_embedded(
    model: BindingModel,
    params: dict,
    embeddings: jax.Array,
    batch: PairBatch,
    rng: jax.Array | None = None,
) -> dict[str, jax.Array]:
    """Return the same of windows that the trunk has embedded (B, n, E)."""
    arrays = (batch.protein, batch.mask, batch.context)
    protein, mask, context = (None if array is None else array[batch.own] for array in arrays)
    return model.adapter.apply(
        params["adapter"],
        embeddings,
        protein,
        mask,
        context,
        peaks_nr=batch.peaks_nr if model.config.aux_read_value_loss else None,
        rng=rng,
        is_training=rng is not None,
    )


def predict_all(
    model: BindingModel, params: dict, batch: PairBatch, rng: jax.Array | None = None
) -> jax.Array:
    """Return logits (T, B), or tracks (T, B, n), of each window and every pair; one trunk pass."""
    embeddings = model.trunk.embed(params, batch.inputs)
    return predict_embedded(model, params, embeddings, batch, rng)


def predict_embedded(
    model: BindingModel, params: dict, embeddings: jax.Array, batch, rng: jax.Array | None = None
) -> jax.Array:
    """Return the same of windows that the trunk has embedded (B, n, E).

    Args:
        batch: anything with the protein, mask and context of T pairs.
    """
    name = "logit" if model.config.binary_target else "track"
    keys = None if rng is None else jax.random.split(rng, batch.protein.shape[0])

    def predict(protein, mask, context, key):
        return model.adapter.apply(
            params["adapter"],
            embeddings,
            protein[None],
            mask[None],
            None if context is None else context[None],
            rng=key,
            is_training=key is not None,
        )[name]

    axes = (0, 0, None if batch.context is None else 0, None if keys is None else 0)
    return jax.vmap(predict, in_axes=axes)(batch.protein, batch.mask, batch.context, keys)


def pair_loss(
    model: BindingModel, params: dict, batch: PairBatch, rng: jax.Array | None
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Return what is minimised of a micro-batch, and its parts, whichever pairing it has."""
    config = model.config
    key = rng if config.dropout else None
    if batch.target.ndim == 1:
        outputs = predict_own(model, params, batch, key)
        told = BindingBatch(
            batch.inputs, batch.protein, None, None, batch.target, batch.read_value, batch.peaks_nr
        )
        return outputs_loss(config, outputs, told)
    embeddings = model.trunk.embed(params, batch.inputs)
    predicted = predict_embedded(model, params, embeddings, batch, key)
    if config.binary_target:
        loss = weighted_binary_loss(config.target_mse_loss, predicted, batch.target, batch.weight)
        if config.aux_read_value_loss:  # read values are told of own pairs alone
            own_key = None if key is None else jax.random.fold_in(key, batch.own.shape[0])
            outputs = predict_own_embedded(model, params, embeddings, batch, own_key)
            aux = read_value_loss(outputs["read_value"], batch.read_value)
            total = loss + config.read_value_aux_loss_weight * aux
            return total, {"loss": loss, "aux_loss": aux, "total_loss": total}
    else:
        flat = (array.reshape(-1, array.shape[-1]) for array in (predicted, batch.target))
        loss = track_loss(config, *flat)
    return loss, {"loss": loss, "total_loss": loss}


def weighted_binary_loss(
    is_squared: bool, logits: jax.Array, labels: jax.Array, weights: jax.Array
) -> jax.Array:
    """Return the mean loss of logits over what has weight; all shapes are equal."""
    if is_squared:
        losses = (logits - labels) ** 2
    else:
        losses = optax.sigmoid_binary_cross_entropy(logits, labels)
    return (losses * weights).sum() / jnp.maximum(weights.sum(), 1.0)
