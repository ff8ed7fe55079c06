"""AdamW as PyTorch has it: which weights decay, and how gradients are clipped."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from basewise.training.trainable import decays, keep_learning

CLIP_EPS = 1e-6


def build_optimiser(
    learning_rate: float | Callable,
    trainable: Mapping,
    *,
    weight_decay: float = 0.1,
    clip_norm: float | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> optax.GradientTransformation:
    """Return AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) over the leaves that learn.

    Args:
        learning_rate: a number, or a schedule of the step.
        trainable: of ``choose_trainable``; what does not learn neither moves nor decays.
        weight_decay: of matrices (``decays``).
        clip_norm: longest gradient, over all that learns; None leaves them as they are.
    """
    steps = [clip_by_norm(clip_norm)] if clip_norm is not None else []
    return optax.chain(
        *steps,
        optax.scale_by_adam(b1=b1, b2=b2, eps=eps),
        optax.add_decayed_weights(weight_decay, mask=decays),
        optax.stateless(lambda updates, _params: keep_learning(updates, trainable)),
        optax.scale_by_learning_rate(learning_rate),
    )


def clip_by_norm(max_norm: float) -> optax.GradientTransformation:
    """Return scaling of gradients by min(1, max_norm / (norm + 1e-6)), as PyTorch clips."""

    def clip(updates, _params):
        factor = jnp.minimum(1.0, max_norm / (optax.tree.norm(updates) + CLIP_EPS))
        return jax.tree.map(lambda leaf: leaf * factor, updates)

    return optax.stateless(clip)
