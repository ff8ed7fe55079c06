"""Rows of a batch over devices: each takes its share, and skips the rows that only fill it up.

Shapes: B rows over all devices.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P


def compile_rows(function: Callable, mesh: Mesh) -> Callable:
    """Return a compiled (params, inputs, counts) -> outputs.

    Args:
        function: (params, *inputs) -> outputs; all inputs and outputs have rows first.
        mesh: the devices, along the one axis "batch".

    Returns:
        A function of the parameters, which every device has; a tuple of inputs (B, …); and int32
        (devices,), how many of each device's rows count.
    """
    is_mapped = mesh.devices.flat[0].platform == "cpu"
    local = _mapped_rows if is_mapped else _batched_rows

    def apply(params, inputs, counts):
        return local(functools.partial(function, params), inputs, counts[0])

    batch = P("batch")
    sharded = jax.shard_map(
        apply, mesh=mesh, in_specs=(P(), batch, batch), out_specs=batch, check_vma=False
    )
    return jax.jit(sharded)


def count_rows(n_rows: int, rows_per_device: int, n_devices: int) -> np.ndarray:
    """Return int32 (devices,): how many real rows each device gets of a batch with ``n_rows``."""
    left = n_rows - np.arange(n_devices) * rows_per_device
    return np.clip(left, 0, rows_per_device).astype(np.int32)


def pad_rows(rows: np.ndarray, size: int) -> np.ndarray:
    """Return rows filled up to ``size`` by repeating the last one."""
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])


def _batched_rows(function, inputs, count):
    """All rows of a device at once."""
    del count
    return function(*inputs)


def _mapped_rows(function, inputs, count):
    """One row after another: on CPU a row is work enough, and its bytes then depend on it alone.

    Padding is skipped by a condition rather than by a shorter loop: JAX 0.11 crashes while
    compiling a loop whose length differs between CPU devices.
    """

    def one(index):
        pick = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=index, slice_size=1)
        outputs = function(*(pick(part) for part in inputs))
        return jax.tree.map(lambda output: output[0], outputs)

    def nothing(index):
        shapes = jax.eval_shape(one, index)
        return jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)

    indices = jnp.arange(inputs[0].shape[0])
    return jax.lax.map(lambda i: jax.lax.cond(i < count, one, nothing, i), indices)
