"""The jitted apply: bases of a batch of tiles in, quantised cores out.

One program per pair of (context, kept bp), whatever the number of tiles in the last batch.
Shapes: B rows over all devices, C context, T tracks, O kept bins.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from basewise.errors import BasewiseError
from basewise.genome import reverse_complement
from basewise.models.track_model import TrackModel
from basewise.tracks.quantise import STEPS

STRANDS = ("forward", "both")


@dataclass(frozen=True, eq=False)
class Applier:
    """A track model with its parameters on devices.

    Attributes:
        strands: "forward", or "both" to average with the reverse complement.
        dtype: "uint8" (probabilities in steps of 1/255), "float16" or "float32".
        rows_per_device: tiles per device and call.
        channels: indices of the tracks to keep, in order.
    """

    model: TrackModel
    params: dict
    devices: Sequence[jax.Device]
    channels: tuple[int, ...]
    strands: str = "forward"
    dtype: str = "uint8"
    rows_per_device: int = 8
    mesh: Mesh = field(init=False)
    _programs: dict[tuple[int, int], Callable] = field(init=False, default_factory=dict)

    def __post_init__(self):
        if self.strands not in STRANDS:
            raise BasewiseError(
                "unknown strands", found=repr(self.strands), hint=f"Known: {', '.join(STRANDS)}."
            )
        mesh = Mesh(np.array(self.devices), ("batch",))
        object.__setattr__(self, "mesh", mesh)
        object.__setattr__(self, "params", jax.device_put(self.params, NamedSharding(mesh, P())))

    @property
    def batch_size(self) -> int:
        """Rows of one call over all devices."""
        return self.rows_per_device * len(self.devices)

    def encode(self, bases: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the model inputs (B, …) of up to ``batch_size`` windows uint8 (n, C).

        One input for the forward strand, and one for the reverse where both are asked for. Short
        batches are padded by repeating the last window.
        """
        bases = _pad_rows(bases, self.batch_size)
        inputs = (self.model.encode(bases),)
        if self.strands == "both":
            inputs += (self.model.encode(reverse_complement(bases)),)
        return inputs

    def run(
        self, inputs: tuple[np.ndarray, ...], offsets: np.ndarray, keep_bins: int
    ) -> tuple[jax.Array, jax.Array]:
        """Start one batch on the devices; return (n_rows padded, T, O) values and bool (B,) health.

        Args:
            offsets: int (n,) first kept bin of each real row.
            keep_bins: O.
        """
        n_rows = len(offsets)
        counts = np.clip(
            n_rows - np.arange(len(self.devices)) * self.rows_per_device, 0, self.rows_per_device
        )
        shape = (len(inputs), keep_bins)
        if shape not in self._programs:
            self._programs[shape] = self._compile_for(*shape)
        return self._programs[shape](
            self.params, inputs, _pad_rows(offsets, self.batch_size), counts.astype(np.int32)
        )

    def _compile_for(self, n_inputs: int, keep_bins: int) -> Callable:
        is_mapped = self.devices[0].platform == "cpu"
        local = _mapped_rows if is_mapped else _batched_rows

        def apply(params, inputs, offsets, counts):
            def rows(*inputs, offsets):
                return self._cores(params, inputs, offsets, keep_bins)

            return local(rows, inputs, offsets, counts[0])

        batch = P("batch")
        sharded = jax.shard_map(
            apply,
            mesh=self.mesh,
            in_specs=(P(), (batch,) * n_inputs, batch, batch),
            out_specs=(batch, batch),
            check_vma=False,
        )
        return jax.jit(sharded)

    def _cores(self, params, inputs, offsets, keep_bins: int):
        """Return quantised (rows, T, O) of model inputs, and bool (rows,): all values finite."""
        values = self.model.apply(params, inputs[0])
        if len(inputs) == 2:
            values = (values + self.model.apply(params, inputs[1])[:, ::-1]) / 2
        values = values[..., jnp.asarray(self.channels)].transpose(0, 2, 1)
        crop = jax.vmap(
            lambda row, offset: jax.lax.dynamic_slice_in_dim(row, offset, keep_bins, axis=1)
        )
        values = crop(values, offsets)
        is_finite = jnp.isfinite(values).all(axis=(1, 2))
        if self.dtype == "uint8":
            values = jnp.round(jnp.clip(values, 0.0, 1.0) * STEPS)
        return values.astype(self.dtype), is_finite


def _batched_rows(rows, inputs, offsets, count):
    """All rows of a device at once."""
    del count
    return rows(*inputs, offsets=offsets)


def _mapped_rows(rows, inputs, offsets, count):
    """One row after another: on CPU a row is work enough, and its bytes then depend on it alone.

    Padding is skipped by a condition rather than by a shorter loop: JAX 0.11 crashes while
    compiling a loop whose length differs between CPU devices.
    """

    def one(index):
        pick = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=index, slice_size=1)
        outputs = rows(*(pick(part) for part in inputs), offsets=pick(offsets))
        return jax.tree.map(lambda output: output[0], outputs)

    def nothing(index):
        shapes = jax.eval_shape(one, index)
        return jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes)

    indices = jnp.arange(len(offsets))
    return jax.lax.map(lambda i: jax.lax.cond(i < count, one, nothing, i), indices)


def _pad_rows(rows: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
