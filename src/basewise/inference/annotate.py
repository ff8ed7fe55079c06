"""A loaded checkpoint for people: sequences or regions in, values out, no files in between."""

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from basewise.checkpoints.config import read_config
from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome, Sequences
from basewise.inference.apply import Applier
from basewise.inference.canvas import Canvas
from basewise.inference.devices import select_devices
from basewise.inference.embedding.embedder import Embedder, load_embedder
from basewise.inference.embedding.programs import Programs
from basewise.inference.pipeline import predict_tiles
from basewise.inference.precision import PRECISIONS
from basewise.inference.shard import load_applier
from basewise.models.families import build_language_model, find_family
from basewise.tiling import (
    MAX_AMBIGUOUS_RUN_BP,
    Scorable,
    check_regions,
    find_scorable,
    tile_regions,
)
from basewise.track import Track

EXACT_SHAPES = 8


@dataclass(frozen=True)
class Annotator:
    """A model with its parameters on devices.

    Attributes:
        config: the checkpoint's config.json.
        precision: of matrix products.
        max_ambiguous_run_bp: longest run of N that a k-mer model reads as filled.
    """

    applier: Applier
    config: dict
    precision: str = "float32"
    max_ambiguous_run_bp: int = MAX_AMBIGUOUS_RUN_BP

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks of the values' last axis."""
        return tuple(self.applier.model.tracks[channel] for channel in self.applier.channels)

    def predict(self, sequences: str | Sequence[str] | Mapping[str, str]) -> np.ndarray:
        """Return float32 (sequences, bins, tracks), NaN where unscored or past a sequence's end.

        Args:
            sequences: one or more nucleotide sequences, any case, IUPAC codes read as N.

        Raises:
            BasewiseError: a letter that is no nucleotide, with its place.
        """
        if isinstance(sequences, str):
            sequences = [sequences]
        if not isinstance(sequences, Mapping):
            sequences = {str(number): bases for number, bases in enumerate(sequences, start=1)}
        genome = MemoryGenome(sequences)
        regions = [(name, 0, size) for name, size in genome.chromsizes.items()]
        return stack(self.predict_regions(genome, regions), n_tracks=len(self.tracks))

    def predict_regions(
        self, sequences: Sequences, regions: Sequence[tuple[str, int, int]]
    ) -> list[np.ndarray]:
        """Return float32 (bins, tracks) of each region (chrom, start, end), NaN where unscored.

        Windows read the real sequence beside a region. Bins lie on the chrom's own grid.
        """
        check_regions(regions, sequences.chromsizes)
        asked: dict[str, list[tuple[int, int]]] = {}
        for chrom, start, end in regions:
            asked.setdefault(chrom, []).append((start, end))
        step = self.applier.model.tile_spec.resolution_bp
        canvases = {chrom: Canvas.of(part, step, len(self.tracks)) for chrom, part in asked.items()}
        plans, is_exact = self._plan(sequences, canvases)
        tiles = chain.from_iterable(
            tile_regions(chrom, plan, self.applier.model.tile_spec, is_exact=is_exact)
            for chrom, plan in plans.items()
        )
        for tile, core in predict_tiles(self.applier, sequences, tiles):
            canvases[tile.chrom].paint(tile.core_start, core.T)
        for chrom, plan in plans.items():
            canvases[chrom].blank(plan.unscored)
        return [canvases[chrom].read(start, end) for chrom, start, end in regions]

    def embed(
        self, sequences: str | Sequence[str] | Mapping[str, str], **request: Any
    ) -> dict[str, np.ndarray]:
        """Return what ``Embedder.embed`` does, of the language model under the tracks.

        Raises:
            BasewiseError: there is none, or as ``Embedder.embed``.
        """
        return self._embedder.embed(sequences, **request)

    @functools.cached_property
    def _embedder(self) -> Embedder:
        applier = self.applier
        model = build_language_model(self.config, PRECISIONS[self.precision])
        params = {part: applier.params[part] for part in ("edges", "layers")}
        programs = Programs(model, params, applier.devices, applier.rows_per_device)
        return Embedder(programs, self.config)

    def _plan(
        self, sequences: Sequences, canvases: Mapping[str, Canvas]
    ) -> tuple[dict[str, Scorable], bool]:
        """Return what of each chrom is scored, and whether windows are as long as what they read.

        They are while that makes few shapes, each of which is compiled.
        """
        plans = self._plan_with(sequences, canvases, is_exact=True)
        spec = self.applier.model.tile_spec
        lengths = {int(end - start) for plan in plans.values() for start, end in plan.stretches}
        shapes = {spec.bucket(length, is_exact=True) for length in lengths} - {spec.context_bp}
        if len(shapes) <= EXACT_SHAPES:
            return plans, True
        return self._plan_with(sequences, canvases, is_exact=False), False

    def _plan_with(
        self, sequences: Sequences, canvases: Mapping[str, Canvas], *, is_exact: bool
    ) -> dict[str, Scorable]:
        return {
            chrom: find_scorable(
                sequences.read(chrom, 0, sequences.chromsizes[chrom]),
                self.applier.model.tile_spec,
                max_ambiguous_run_bp=self.max_ambiguous_run_bp,
                within=canvas.covered,
                is_exact=is_exact,
            )
            for chrom, canvas in canvases.items()
        }


def load(
    checkpoint: str | os.PathLike,
    *,
    tracks: Sequence[str] | None = None,
    strands: str = "forward",
    precision: str = "float32",
    platform: str = "auto",
    batch_size: int = 8,
) -> Annotator | Embedder:
    """Return the model of a checkpoint, ready to predict, or to embed where it has no tracks.

    Args:
        tracks: names to keep; None keeps all.
        strands: "forward", or "both" to average with the reverse complement.
        precision: "float32" or "bfloat16".
        platform: "auto", "cpu", "gpu" or "tpu".

    Raises:
        BasewiseError: the checkpoint is broken, or the device is not there; tracks are asked of a
            language model.
    """
    config = read_config(checkpoint)
    if find_family(config).build_track_model is None:
        if tracks is not None or strands != "forward":
            raise BasewiseError(
                f"{config['name']} is a language model: it has neither tracks nor strands to choose"
            )
        return load_embedder(
            checkpoint, precision=precision, platform=platform, batch_size=batch_size
        )
    applier, config = load_applier(
        checkpoint,
        select_devices(platform),
        tracks=tracks,
        strands=strands,
        dtype="float32",
        precision=precision,
        batch_size=batch_size,
    )
    return Annotator(applier, config, precision)


def stack(values: Sequence[np.ndarray], *, n_tracks: int) -> np.ndarray:
    """Return arrays (bins, tracks) as one (n, most bins, tracks), padded with NaN."""
    longest = max((len(rows) for rows in values), default=0)
    stacked = np.full((len(values), longest, n_tracks), np.nan, np.float32)
    for padded, rows in zip(stacked, values, strict=True):
        padded[: len(rows)] = rows
    return stacked
