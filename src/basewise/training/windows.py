"""Labelled windows drawn from a genome, the same for the same seed and step."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome import Sequences, reverse_complement
from basewise.intervals import IntervalMap, complement, merge, runs_of
from basewise.labels import label_array


class Batch(NamedTuple):
    """One step's examples.

    Attributes:
        bases: uint8 (B, context) upper-case ASCII A, C, G, T, N.
        labels: uint8 (B, context, elements).
        is_scored: bool (B, context), False where the genome has N.
    """

    bases: np.ndarray
    labels: np.ndarray
    is_scored: np.ndarray


@dataclass(frozen=True)
class WindowSource:
    """All windows of a genome that hold no long run of N, each start equally likely.

    Attributes:
        labels: element -> chrom -> intervals.
        elements: the label channels, in order.
        regions: where windows may lie, chrom -> intervals.
    """

    sequences: Sequences
    labels: Mapping[str, IntervalMap]
    elements: Sequence[str]
    regions: IntervalMap
    context_bp: int

    @classmethod
    def from_genome(
        cls,
        sequences: Sequences,
        labels: Mapping[str, IntervalMap],
        elements: Sequence[str],
        *,
        context_bp: int,
        chroms: Sequence[str] | None = None,
        max_ambiguous_run_bp: int = 12,
        exclude: IntervalMap | None = None,
    ) -> "WindowSource":
        """Find where windows may lie: the given chroms, outside long N runs and ``exclude``."""
        regions = {}
        for chrom in sequences.chromsizes if chroms is None else chroms:
            if chrom not in sequences.chromsizes:
                raise BasewiseError(
                    f"chrom {chrom} is not in the genome",
                    hint=f"It has {', '.join(list(sequences.chromsizes)[:20])}.",
                )
            size = sequences.chromsizes[chrom]
            runs = runs_of(sequences.read(chrom, 0, size) == ord("N"))
            barred = runs[(runs[:, 1] - runs[:, 0]) > max_ambiguous_run_bp]
            if exclude is not None and len(exclude.get(chrom, ())):
                barred = merge(np.concatenate([barred, exclude[chrom]]))
            regions[chrom] = complement(barred, size)
        return cls(sequences, labels, tuple(elements), regions, context_bp)

    def draw(self, rng: np.random.Generator, batch_size: int, *, augment: bool = True) -> Batch:
        """Return ``batch_size`` windows at random; ``augment`` turns half of them around."""
        chroms, starts, n_starts = self._allowed_starts
        ends = np.cumsum(n_starts)
        picks = rng.integers(0, ends[-1], batch_size)
        runs = np.searchsorted(ends, picks, side="right")
        offsets = picks - (ends[runs] - n_starts[runs])
        turned = rng.random(batch_size) < 0.5 if augment else np.zeros(batch_size, bool)
        places = [
            (chroms[run], int(starts[run] + offset), bool(is_turned))
            for run, offset, is_turned in zip(runs, offsets, turned, strict=True)
        ]
        return self._gather(places)

    def sweep(self, batch_size: int) -> Iterator[Batch]:
        """Yield every region once, window beside window, in batches (the last one may be short)."""
        places = [
            (chrom, start, False)
            for chrom, regions in self.regions.items()
            for low, high in regions.tolist()
            for start in range(low, high - self.context_bp + 1, self.context_bp)
        ]
        for first in range(0, len(places), batch_size):
            yield self._gather(places[first : first + batch_size])

    @functools.cached_property
    def _allowed_starts(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        chroms, starts, counts = [], [], []
        for chrom, regions in self.regions.items():
            for low, high in regions.tolist():
                if high - low >= self.context_bp:
                    chroms.append(chrom)
                    starts.append(low)
                    counts.append(high - low - self.context_bp + 1)
        if not chroms:
            raise BasewiseError(
                f"no stretch of the training chroms holds a window of {self.context_bp} bp",
                hint="Train with a shorter context, or on longer chroms.",
            )
        return chroms, np.array(starts), np.array(counts)

    def _gather(self, places: Sequence[tuple[str, int, bool]]) -> Batch:
        bases = np.empty((len(places), self.context_bp), np.uint8)
        labels = np.empty((len(places), self.context_bp, len(self.elements)), np.uint8)
        for row, (chrom, start, is_turned) in enumerate(places):
            end = start + self.context_bp
            window = self.sequences.read(chrom, start, end)
            truth = label_array(self.labels, self.elements, chrom, start, end)
            bases[row] = reverse_complement(window) if is_turned else window
            labels[row] = truth[::-1] if is_turned else truth
        return Batch(bases, labels, bases != ord("N"))
