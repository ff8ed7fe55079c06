"""First values of a convolutional trunk that are fit to learn from: calibrated on random DNA.

Batch norm keeps its averages here, so those of a new trunk, 0 and 1, say nothing about what it
sees: values shrink from layer to layer, activations are all but linear, pooling all but a mean,
and bins hardly differ. Training then stands still for hundreds of steps, or for good. So each
convolution is scaled and shifted to give channels of mean 0 and, together, variance 1, in the
order in which values pass, and each batch norm is given the averages of what it sees. After
Mishkin & Matas 2015, arXiv:1511.06422. Shapes: B sequences, L positions, C channels.
"""

from collections.abc import Callable, Mapping

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.convolutions import BatchNorm, Conv1D

MEAN, VARIANCE = "mean_ema", "var_ema"
EDGES = "edges"
SMALLEST = 1e-12  # variance that is scaled


def calibrate_convolutions(params: Mapping, embed: Callable, inputs: jax.Array) -> dict:
    """Return a trunk's parameters with its convolutions and batch norms calibrated.

    What has neither, such as a transformer over tokens, stays as it is.

    Args:
        params: ``{"edges", "layers"}``.
        embed: (params, inputs) -> anything; runs the trunk.
        inputs: what it is calibrated on.
    """
    found: dict[str, dict] = {}

    def calibrate(run, args, kwargs, context):
        y = run(*args, **kwargs)
        module = context.module
        if context.method_name != "__call__" or not isinstance(module, BatchNorm | Conv1D):
            return y
        if isinstance(module, BatchNorm):
            mean, variance = _moments(args[0])
            found[module.module_name] = {"mean": mean, "variance": variance}
            return (args[0] - mean) * jax.lax.rsqrt(variance + module.eps)
        mean, variance = _moments(y)
        scale = jax.lax.rsqrt(jnp.maximum(variance.mean(), SMALLEST))
        shift = -mean * scale if module.with_bias else jnp.zeros_like(mean)
        found[module.module_name] = {"scale": scale, "shift": shift}
        return y * scale + shift

    with hk.intercept_methods(calibrate):
        embed(params, inputs)
    edges = {module: dict(leaves) for module, leaves in params[EDGES].items()}
    for name, own in found.items():
        if "scale" in own:
            edges[name]["w"] = edges[name]["w"] * own["scale"]
            if "b" in edges[name]:
                edges[name]["b"] = edges[name]["b"] * own["scale"] + own["shift"][:, None]
            continue
        for average, value in ((MEAN, own["mean"]), (VARIANCE, own["variance"])):
            edges[f"{name}/~/{average}"]["average"] = value[None, :, None]
    return {**params, EDGES: edges}


def _moments(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and variance of each channel (C,) of x (B, L, C)."""
    return x.mean(axis=(0, 1)), x.var(axis=(0, 1))
