"""The jitted language model: one program per padded length and kind of output.

Shapes: B rows over all devices, L tokens, D embedding, V vocabulary rows, P positions.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from basewise.inference.memory import halve_rows, run_halving
from basewise.inference.rows import compile_rows, count_rows, pad_rows
from basewise.models.language_model import LanguageModel
from basewise.models.request import EmbedRequest
from basewise.tokenizers import PAD_ID

IN_FLIGHT = 2


class Row(NamedTuple):
    """One row of a batch.

    Attributes:
        ids: int32 (tokens,), unpadded.
        extra: what goes with it: float32 (tokens,) weights of its tokens in the pooled embedding,
            or int32 (P,) positions to mask.
        key: what the row is, for the caller.
    """

    ids: np.ndarray
    extra: np.ndarray
    key: Any


@dataclass(frozen=True, eq=False)
class Programs:
    """A language model with its parameters on devices.

    Attributes:
        rows_per_device: sequences per device and call; ``halve`` changes it.
    """

    model: LanguageModel
    params: dict
    devices: Sequence[jax.Device]
    rows_per_device: int = 8
    mesh: Mesh = field(init=False)
    _programs: dict[tuple, Callable] = field(init=False, default_factory=dict)

    def __post_init__(self):
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
            BasewiseError: they are of one sequence.
        """
        hint = "Compute in bfloat16, read long sequences in windows, or take a larger device."
        halve_rows(self, "one sequence of this length", hint)

    def observe(
        self, rows: Iterable[Row], request: EmbedRequest, size: int, *, is_padded: bool
    ) -> Iterator[tuple[Any, dict[str, np.ndarray], bool]]:
        """Yield each row's key, its embeddings, attention and logits, and whether all is finite.

        Per-token outputs are (size, …), pooled embeddings (D,) the weighted sum over the row.
        """
        layers, attention, logits = request.layers, request.attention, request.logits
        is_pooled = request.pool != "none"

        def apply(params, tokens, weights):
            outputs = self.model.inspect(
                params,
                tokens,
                layers=layers,
                attention=attention,
                logits=logits,
                is_padded=is_padded,
            )
            if is_pooled:
                for layer in layers:
                    given = outputs[f"embeddings_{layer}"]
                    outputs[f"embeddings_{layer}"] = (given * weights[..., None]).sum(axis=1)
            return outputs, _are_finite(outputs, tokens.shape[0])

        key = ("observe", layers, attention, logits, is_pooled, size, is_padded)
        yield from self._run(rows, key, apply, size, extra_size=size)

    def score(
        self, rows: Iterable[Row], size: int, n_positions: int, *, is_padded: bool
    ) -> Iterator[tuple[Any, dict[str, np.ndarray], bool]]:
        """Yield each row's key, ``{"log_probs": (n_positions,)}``, and whether all is finite."""

        def apply(params, tokens, positions):
            given = self.model.score_masked(params, tokens, positions, is_padded=is_padded)
            return {"log_probs": given}, jnp.isfinite(given).all(axis=1)

        key = ("score", size, n_positions, is_padded)
        yield from self._run(rows, key, apply, size, extra_size=n_positions)

    def _run(self, rows: Iterable[Row], key: tuple, apply: Callable, size: int, *, extra_size: int):
        """Run rows in batches, one batch ahead of the one whose results are given out."""
        if key not in self._programs:
            self._programs[key] = compile_rows(apply, self.mesh)
        run = functools.partial(self._run_batches, self._programs[key], size, extra_size)
        for _, results in run_halving(self, rows, run):
            yield from results

    def _run_batches(
        self, program: Callable, size: int, extra_size: int, numbered: Iterable[tuple[int, Row]]
    ):
        """Yield the places of each batch and what ``_collect`` gives of it."""
        running: deque = deque()
        n_rows = self.batch_size
        for places, batch in _batches(numbered, n_rows):
            tokens = np.full((len(batch), size), PAD_ID, np.int32)
            extras = np.zeros((len(batch), extra_size), batch[0].extra.dtype)
            for row, padded, extra in zip(batch, tokens, extras, strict=True):
                padded[: row.ids.size] = row.ids
                extra[: row.extra.size] = row.extra
                extra[row.extra.size :] = row.extra[0] if row.extra.dtype == np.int32 else 0
            counts = count_rows(len(batch), self.rows_per_device, len(self.devices))
            inputs = (pad_rows(tokens, n_rows), pad_rows(extras, n_rows))
            running.append((places, batch, program(self.params, inputs, counts)))
            if len(running) == IN_FLIGHT:
                yield _collect(*running.popleft())
        while running:
            yield _collect(*running.popleft())


def _batches(
    numbered: Iterable[tuple[int, Row]], n_rows: int
) -> Iterator[tuple[list[int], list[Row]]]:
    numbered = iter(numbered)
    while batch := list(islice(numbered, n_rows)):
        places, rows = zip(*batch, strict=True)
        yield list(places), list(rows)


def _collect(places: list[int], batch: list[Row], results):
    outputs, are_finite = jax.device_get(results)
    return places, [
        (row.key, {name: value[index] for name, value in outputs.items()}, are_finite[index])
        for index, row in enumerate(batch)
    ]


def _are_finite(outputs: dict[str, jax.Array], n_rows: int) -> jax.Array:
    """Return bool (B,): whether all values of a row are finite."""
    healthy = jnp.ones(n_rows, bool)
    for value in outputs.values():
        healthy &= jnp.isfinite(value).reshape(n_rows, -1).all(axis=1)
    return healthy
