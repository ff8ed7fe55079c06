"""The jitted apply: bases of a batch of tiles in, quantised cores out.

One program per pair of (context, kept bp), whatever the number of tiles in the last batch.
Shapes: B rows over all devices, C context, T tracks, O kept bins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from basewise.errors import BasewiseError
from basewise.genome import reverse_complement
from basewise.inference.memory import halve_rows
from basewise.inference.rows import compile_rows, count_rows, pad_rows
from basewise.models.track_model import TrackModel
from basewise.tracks.quantise import STEPS

STRANDS = ("forward", "both")


@dataclass(frozen=True, eq=False)
class Applier:
    """A track model with its parameters on devices.

    Attributes:
        strands: "forward", or "both" to average with the reverse complement.
        dtype: "uint8" (probabilities in steps of 1/255), "float16" or "float32".
        rows_per_device: tiles per device and call; ``halve`` changes it.
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

    def halve(self) -> None:
        """Halve the batches from now on.

        Raises:
            BasewiseError: they are of one tile.
        """
        context_bp = self.model.tile_spec.context_bp
        hint = "Compute in bfloat16, lower tiling/context_bp, or take a larger device."
        halve_rows(self, f"one tile of {context_bp} bp", hint)

    def encode(self, bases: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the model inputs (B, …) of up to ``batch_size`` windows uint8 (n, C).

        One input for the forward strand, and one for the reverse where both are asked for. Short
        batches are padded by repeating the last window.
        """
        bases = pad_rows(bases, self.batch_size)
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
        shape = (len(inputs), keep_bins)
        if shape not in self._programs:
            self._programs[shape] = self._compile_for(keep_bins)
        counts = count_rows(len(offsets), self.rows_per_device, len(self.devices))
        offsets = pad_rows(offsets, self.batch_size)
        return self._programs[shape](self.params, (*inputs, offsets), counts)

    def _compile_for(self, keep_bins: int) -> Callable:
        def apply(params, *inputs):
            *inputs, offsets = inputs
            return self._cores(params, inputs, offsets, keep_bins)

        return compile_rows(apply, self.mesh)

    def _cores(self, params, inputs, offsets, keep_bins: int):
        """Return quantised (rows, T, O) of model inputs, and bool (rows,): all are finite."""
        values = self.model.apply(params, inputs[0])
        if len(inputs) == 2:
            values = (values + self.model.apply(params, inputs[1])[:, ::-1]) / 2
        values = values[..., jnp.asarray(self.channels)].transpose(0, 2, 1)
        crop = jax.vmap(
            lambda row, offset: jax.lax.dynamic_slice_in_dim(row, offset, keep_bins, axis=1)
        )
        values = crop(values, offsets)
        is_finite = jnp.isfinite(values)
        if self.dtype == "uint8":
            values = jnp.round(jnp.clip(values, 0.0, 1.0) * STEPS)
        stored = values.astype(self.dtype)
        return stored, (is_finite & jnp.isfinite(stored)).all(axis=(1, 2))
