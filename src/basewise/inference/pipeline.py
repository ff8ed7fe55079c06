"""The host pipeline: while devices work, the next batch is encoded and the last one given out."""

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import jax
import numpy as np

from basewise.errors import BasewiseError
from basewise.genome import Sequences
from basewise.inference.apply import Applier
from basewise.inference.memory import run_halving
from basewise.tiling import Tile, TileSpec

IN_FLIGHT = 2
BATCHES_PER_CHUNK = 16


class _Batch(NamedTuple):
    """Tiles of one shape, with their places in the order of tiles."""

    places: list[int]
    tiles: list[Tile]
    keep_bins: int
    offsets: np.ndarray
    skips: np.ndarray


def predict_tiles(
    applier: Applier, sequences: Sequences, tiles: Iterable[Tile]
) -> Iterator[tuple[Tile, np.ndarray]]:
    """Yield each tile with the values of its core, (tracks, bins) in the applier's dtype, in order.

    Raises:
        BasewiseError: a tile's values are not finite, named; or the devices have no memory for
            a single tile. Where they have none for a batch, batches are halved.
    """
    ready: dict[int, tuple[Tile, np.ndarray]] = {}
    given = 0
    with ThreadPoolExecutor(1) as encoder:
        run = functools.partial(_run, applier, sequences, encoder)
        for places, tiles_and_cores in run_halving(applier, tiles, run):
            ready.update(zip(places, tiles_and_cores, strict=True))
            while given in ready:
                yield ready.pop(given)
                given += 1


def _run(
    applier: Applier,
    sequences: Sequences,
    encoder: ThreadPoolExecutor,
    numbered: Iterable[tuple[int, Tile]],
) -> Iterator[tuple[list[int], list[tuple[Tile, np.ndarray]]]]:
    """Yield batches' places and cores, with one batch being encoded and two on the devices."""
    batches = _batches(numbered, applier.model.tile_spec, applier.batch_size)
    encoding: deque[tuple[_Batch, Future]] = deque()
    running: deque[tuple[_Batch, jax.Array, jax.Array]] = deque()

    def encode_next() -> None:
        if (batch := next(batches, None)) is not None:
            encoding.append((batch, encoder.submit(_encode, applier, sequences, batch)))

    encode_next()
    while encoding:
        batch, inputs = encoding.popleft()
        inputs = inputs.result()
        encode_next()
        running.append((batch, *applier.run(inputs, batch.offsets, batch.keep_bins)))
        if len(running) == IN_FLIGHT:
            yield _collect(applier, *running.popleft())
    while running:
        yield _collect(applier, *running.popleft())


def _batches(numbered: Iterable[tuple[int, Tile]], spec: TileSpec, size: int) -> Iterator[_Batch]:
    """Group tiles that run through one program, looking a limited way ahead."""
    numbered = iter(numbered)
    while chunk := list(islice(numbered, BATCHES_PER_CHUNK * size)):
        groups: dict[tuple[int, int], list[tuple[int, Tile]]] = {}
        for place, tile in chunk:
            shape = (tile.context_bp, spec.keep_bp(tile.context_bp, tile.core_bp))
            groups.setdefault(shape, []).append((place, tile))
        for (context_bp, keep_bp), members in groups.items():
            for first in range(0, len(members), size):
                places, some = zip(*members[first : first + size], strict=True)
                yield _make_batch(places, some, context_bp, keep_bp, spec)


def _make_batch(places, tiles, context_bp: int, keep_bp: int, spec: TileSpec) -> _Batch:
    step = spec.resolution_bp
    starts = np.array([tile.core_offset(spec) for tile in tiles], np.int32)
    offsets = np.minimum(starts, spec.predicted_bp(context_bp) - keep_bp) // step
    return _Batch(places, tiles, keep_bp // step, offsets, starts // step - offsets)


def _encode(applier: Applier, sequences: Sequences, batch: _Batch) -> tuple[np.ndarray, ...]:
    windows = [sequences.read_padded(tile.chrom, tile.start, tile.end) for tile in batch.tiles]
    return applier.encode(np.stack(windows))


def _collect(
    applier: Applier, batch: _Batch, values: jax.Array, is_finite: jax.Array
) -> tuple[list[int], list[tuple[Tile, np.ndarray]]]:
    """Wait for a batch; return its places, and its tiles with their cores."""
    values, is_finite = np.asarray(values), np.asarray(is_finite)
    resolution_bp = applier.model.tile_spec.resolution_bp
    cores = []
    for row, (tile, skip) in enumerate(zip(batch.tiles, batch.skips.tolist(), strict=True)):
        if not is_finite[row]:
            raise BasewiseError(
                f"the model's values at {tile.chrom}:{tile.start}-{tile.end} are not finite",
                hint="Compute in float32, store as float32, or check the checkpoint.",
            )
        n_bins = -(-tile.core_bp // resolution_bp)
        cores.append((tile, values[row, :, skip : skip + n_bins]))
    return batch.places, cores
