"""A joint block and the projection behind it, for one window and many proteins.

All that a protein changes of a window's bins is what they attend to: a, 512 channels per bin,
where the embedding has thousands. The norm, the first layer of the feed-forward, and the way from
its second layer to the latents are linear in a but for one scale per bin. So the products of the
weights in between are made once, what holds the window alone is computed once per window, and a
protein costs about half of what it would, with the same result but for rounding.

Shapes: T proteins, n bins, E channels of them, j residues, P their channels, A channels of
attention, F of the feed-forward, D of all latent heads together.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from basewise.models.binding.config import BindingConfig
from basewise.models.binding.filip import pool_interactions, to_unit_latents, with_null
from basewise.models.binding.joint_attention import attend_both_ways, similarities, split_heads
from basewise.models.binding.layers import NORM_EPS, exact_gelu, matmul

NAMESPACE = "binding"
JOINT = f"{NAMESPACE}/joint_cross_attn_0"


class Folded(NamedTuple):
    """Products of weights, float32.

    Attributes:
        out: (A, E), attention's way back, each row less its mean; gram: (A, A), out · outᵀ.
        widen: (A, F), out through norm and first layer; widen_bins: (E, F), those alone.
        widen_bias: (F,).
        to_latent: (F, D), second layer to latents; out_latent: (A, D), attention to latents.
        latent_bias: (D,).
    """

    out: jax.Array
    gram: jax.Array
    widen: jax.Array
    widen_bins: jax.Array
    widen_bias: jax.Array
    to_latent: jax.Array
    out_latent: jax.Array
    latent_bias: jax.Array


class Window(NamedTuple):
    """What one window is to all proteins, float32 except the heads, which are as computed.

    Attributes:
        query, value: (1, heads, n, channels per head).
        variance: (n,) over channels; cross: (n, A), bins · outᵀ.
        widened: (n, F) and latent: (n, D), of the bins alone.
    """

    query: jax.Array
    value: jax.Array
    variance: jax.Array
    cross: jax.Array
    widened: jax.Array
    latent: jax.Array


def can_fold(config: BindingConfig) -> bool:
    """Whether bins meet proteins in one block, unconditioned before."""
    return config.joint_cross_attn_depth == 1 and not config.conditions_both_sides


def fold_weights(params: Mapping) -> Folded:
    """Return the products of an adapter's weights; made once, whatever windows follow."""
    out, out_bias = _linear(params, f"{JOINT}/attn/to_out")
    fc1, fc1_bias = _linear(params, f"{JOINT}/ff/fc1")
    fc2, fc2_bias = _linear(params, f"{JOINT}/ff/fc2")
    scale, offset = _norm(params, f"{JOINT}/ff/norm")
    latent = params[f"{NAMESPACE}/filip"]
    to_latent = latent["to_latent_w"]
    centred = out - out.mean(axis=1, keepdims=True)
    widen_bins = scale[:, None] * fc1
    return Folded(
        out=centred,
        gram=centred @ centred.T,
        widen=centred @ widen_bins,
        widen_bins=widen_bins,
        widen_bias=offset @ fc1 + fc1_bias,
        to_latent=fc2 @ to_latent,
        out_latent=out @ to_latent,
        latent_bias=(fc2_bias + out_bias) @ to_latent + latent["to_latent_b"],
    )


def open_window(
    config: BindingConfig, params: Mapping, folded: Folded, x: jax.Array, dtype
) -> Window:
    """Return what all proteins share of one window's bins x (1, n, E), as the block reads them."""
    normed = _normalise(x, *_norm(params, f"{JOINT}/attn/norm"))
    query, value = (
        split_heads(
            matmul(normed, params[f"{JOINT}/attn/{name}"]["w"], dtype).astype(dtype),
            config.attention_heads,
        )
        for name in ("to_qk", "to_v")
    )
    moved = x[0] + params[f"{JOINT}/attn/to_out"]["b"]
    centred = moved - moved.mean(axis=-1, keepdims=True)
    to_latent = params[f"{NAMESPACE}/filip"]["to_latent_w"]
    return Window(
        query=query,
        value=value,
        variance=(centred**2).mean(axis=-1),
        cross=matmul(centred, folded.out.T, dtype),
        widened=matmul(centred, folded.widen_bins, dtype),
        latent=matmul(x[0], to_latent, dtype) + folded.latent_bias,
    )


def open_proteins(
    config: BindingConfig, params: Mapping, residues: jax.Array, dtype
) -> tuple[jax.Array, jax.Array]:
    """Return key and value (T, heads, j, channels per head) of residues (T, j, P), as computed.

    No window changes them.
    """
    normed = _normalise(residues, *_norm(params, f"{JOINT}/attn/context_norm"))
    return tuple(
        split_heads(
            matmul(normed, params[f"{JOINT}/attn/{name}"]["w"], dtype).astype(dtype),
            config.attention_heads,
        )
        for name in ("context_to_qk", "context_to_v")
    )


def meet_proteins(
    config: BindingConfig,
    params: Mapping,
    folded: Folded,
    window: Window,
    proteins: jax.Array,
    mask: jax.Array,
    key: jax.Array,
    value: jax.Array,
    dtype,
) -> jax.Array:
    """Return the pooled latents (T, n, H) of proteins (T, j, P), mask (T, j), and one window.

    Args:
        key, value: of ``open_proteins``.
    """
    key, value = key.astype(dtype), value.astype(dtype)
    similarity = similarities(window.query, key, mask)
    seen, seen_bins = attend_both_ways(similarity, window.value, value, lambda weights: weights)
    bins = to_unit_latents(_bins_to_latents(folded, window, seen, dtype), config.latent_heads)
    residues = proteins + _apply(params, f"{JOINT}/attn/context_to_out", seen_bins, dtype)
    residues = residues + _feed_forward(params, f"{JOINT}/context_ff", residues, dtype)
    return compare(config, params, bins, read_latents(config, params, residues, dtype), mask, dtype)


def read_latents(config: BindingConfig, params: Mapping, residues: jax.Array, dtype) -> jax.Array:
    """Return the latents (T, H, j, d) of residues (T, j, P), each of length 1."""
    latent = params[f"{NAMESPACE}/filip"]
    residues = matmul(residues, latent["context_to_latent_w"], dtype)
    return to_unit_latents(residues + latent["context_to_latent_b"], config.latent_heads)


def read_bin_latents(config: BindingConfig, params: Mapping, bins: jax.Array, dtype) -> jax.Array:
    """Return the same (B, H, n, d) of bins (B, n, E)."""
    latent = params[f"{NAMESPACE}/filip"]
    bins = matmul(bins, latent["to_latent_w"], dtype) + latent["to_latent_b"]
    return to_unit_latents(bins, config.latent_heads)


def compare(
    config: BindingConfig,
    params: Mapping,
    bins: jax.Array,
    residues: jax.Array,
    mask: jax.Array,
    dtype,
) -> jax.Array:
    """Return the pooled latents (T, n, H) of latents of bins (T or 1, H, n, d) and residues."""
    null = params[f"{NAMESPACE}/filip"]["null_context"]
    residues, mask = with_null(residues, mask, null)
    return pool_interactions(
        bins.astype(dtype),
        residues.astype(dtype),
        mask,
        double_log_n=config.legacy_double_log_n,
    )


def _bins_to_latents(folded: Folded, window: Window, seen: jax.Array, dtype) -> jax.Array:
    """Return (T, n, D) of what the bins attend to, (T, n, A)."""
    n_channels = folded.out.shape[1]
    change = 2.0 * window.cross + matmul(seen, folded.gram, dtype)
    variance = window.variance + (seen * change).sum(axis=-1) / n_channels
    scale = jax.lax.rsqrt(jnp.maximum(variance, 0.0) + NORM_EPS)[..., None]
    hidden = (window.widened + matmul(seen, folded.widen, dtype)) * scale + folded.widen_bias
    latent = window.latent + matmul(seen, folded.out_latent, dtype)
    return latent + matmul(exact_gelu(hidden), folded.to_latent, dtype)


def _feed_forward(params: Mapping, name: str, x: jax.Array, dtype) -> jax.Array:
    hidden = _apply(params, f"{name}/fc1", _normalise(x, *_norm(params, f"{name}/norm")), dtype)
    return _apply(params, f"{name}/fc2", exact_gelu(hidden), dtype)


def _apply(params: Mapping, name: str, x: jax.Array, dtype) -> jax.Array:
    w, b = _linear(params, name)
    return matmul(x, w, dtype) + b


def _normalise(x: jax.Array, scale: jax.Array, offset: jax.Array) -> jax.Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + NORM_EPS) * scale + offset


def _linear(params: Mapping, name: str) -> tuple[jax.Array, jax.Array]:
    return params[name]["w"], params[name]["b"]


def _norm(params: Mapping, name: str) -> tuple[jax.Array, jax.Array]:
    return params[name]["scale"], params[name]["offset"]
