"""One optimiser step over some micro-batches, of the parameters that learn."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from basewise.training.trainable import keep_learning, merge_params, split_params

Loss = Callable[[dict, Any, jax.Array | None], tuple[jax.Array, dict[str, jax.Array]]]


class Learner(NamedTuple):
    """What a step changes: the leaves that learn, and the optimiser's state of them."""

    params: dict
    state: optax.OptState


def start_learning(
    params: Mapping, trainable: Mapping, optimiser: optax.GradientTransformation
) -> tuple[Learner, dict]:
    """Return the learner of a model's parameters, and the leaves that stay as they are."""
    learning, frozen = split_params(params, trainable)
    return Learner(learning, optimiser.init(learning)), frozen


def build_step(loss: Loss, optimiser: optax.GradientTransformation, trainable: Mapping) -> Callable:
    """Return ``step(learner, frozen, batches, rng) -> (learner, logs)``, to be jitted.

    No gradient of a frozen leaf is computed. ``batches`` are micro-batches stacked along a first
    axis of their arrays (None stays None); their gradients are averaged. ``rng`` is a key, split
    over the micro-batches, or None for no dropout. ``logs`` are the means of the loss's parts and
    ``grad_norm``, before clipping.

    Args:
        loss: (all parameters, micro-batch, rng) -> (what is minimised, its parts).
        optimiser: of ``build_optimiser``.
        trainable: of ``choose_trainable``.
    """

    def step(learner: Learner, frozen: Mapping, batches: Any, rng: jax.Array | None):
        n_batches = jax.tree.leaves(batches)[0].shape[0]

        def loss_of(params, batch, key):
            return loss(merge_params(params, frozen), batch, key)

        def add(total, operand):
            batch, key = operand
            gradients, parts = jax.grad(loss_of, has_aux=True)(learner.params, batch, key)
            return jax.tree.map(jnp.add, total, gradients), parts

        keys = None if rng is None else jax.random.split(rng, n_batches)
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.float32), learner.params)
        if n_batches == 1:  # loops of XLA on CPUs compute convolutions several times slower
            only = jax.tree.map(lambda array: array[0], (batches, keys))
            total, parts = add(nothing, only)
        else:
            total, parts = jax.lax.scan(add, nothing, (batches, keys))
        gradients = jax.tree.map(lambda leaf: leaf / n_batches, total)
        gradients = keep_learning(gradients, trainable)
        updates, state = optimiser.update(gradients, learner.state, learner.params)
        logs = {name: values.mean() for name, values in parts.items()}
        logs["grad_norm"] = optax.tree.norm(gradients)
        return Learner(optax.apply_updates(learner.params, updates), state), logs

    return step
