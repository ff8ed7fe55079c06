"""What training minimises and what it reports of a batch."""

import jax
import jax.numpy as jnp
import optax


def segmentation_loss(logits: jax.Array, labels: jax.Array, is_scored: jax.Array) -> jax.Array:
    """Return the mean cross-entropy of presence over scored bases and elements.

    Args:
        logits: float32 (B, L, elements, 2).
        labels: uint8 (B, L, elements).
        is_scored: bool (B, L).
    """
    presence = logits[..., 1] - logits[..., 0]
    losses = optax.sigmoid_binary_cross_entropy(presence, labels.astype(jnp.float32))
    weights = is_scored[..., None].astype(jnp.float32)
    return (losses * weights).sum() / jnp.maximum(weights.sum() * labels.shape[-1], 1.0)


def confusion(logits: jax.Array, labels: jax.Array, is_scored: jax.Array) -> jax.Array:
    """Return float32 (elements, 4): TP, FP, FN, TN of calls at p = 0.5."""
    called = logits[..., 1] > logits[..., 0]
    present = labels.astype(bool)
    counted = is_scored[..., None]
    cells = (called & present, called & ~present, ~called & present, ~called & ~present)
    counts = [(cell & counted).sum(axis=(0, 1)) for cell in cells]
    return jnp.stack(counts, axis=-1).astype(jnp.float32)


def matthews(counts: jax.Array) -> jax.Array:
    """Return Matthews' correlation (elements,) of confusion counts (elements, 4).

    It is 0 where undefined.

    Matthews 1975, doi:10.1016/0005-2795(75)90109-9.
    """
    tp, fp, fn, tn = (counts[..., i] for i in range(4))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return jnp.where(product > 0, (tp * tn - fp * fn) / jnp.sqrt(jnp.maximum(product, 1.0)), 0.0)
