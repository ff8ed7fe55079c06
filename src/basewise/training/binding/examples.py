"""From windows to the batches of a step: bases, pairs, labels. A function of the step alone.

Shapes: A micro-batches of a step, B windows of each, T pairs, j residues, P their channels,
C length of a context's vector, n bins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.genome import Sequences
from basewise.models.binding.trunks import DnaTrunk
from basewise.peaks.sampling import Examples, Sampler, read_bases
from basewise.training.binding.bound import BoundPlaces
from basewise.training.binding.pairs import PairTable

PAIRING = ("own", "batch")
PREVALENCE_STEPS = 4
PHASES = 1  # names the generator of phases among those of a step


class PairBatch(NamedTuple):
    """Windows and pairs of a micro-batch.

    Attributes:
        inputs: what ``trunk.encode`` makes of the bases (B, …).
        protein, mask, context: of T pairs, as PairArrays.
        own: int32 (B,), which of the pairs is the window's own.
        target: float32: (B,) labels of own pairs, (T, B) of all pairs, or (T, B, n) tracks.
        weight: float32 (T, B), 0 where a label is not known; None where all count.
        read_value, peaks_nr: float32 (B,), of own pairs.
    """

    inputs: np.ndarray
    protein: np.ndarray
    mask: np.ndarray
    context: np.ndarray | None
    own: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    read_value: np.ndarray
    peaks_nr: np.ndarray


@dataclass(frozen=True)
class Sampling:
    """In which order, moved how, on which strand windows come (`Sampler`).

    Attributes:
        pairing: "own" reads each window for its own pair. "batch" reads it for the pairs of all
            windows of its batch: bound where a peak of that pair is near; not where none is near
            and none of the target, modified or not, reaches into the window; in between it does
            not count. The trunk's work is shared by all.
        bound_within_bp: how near the centres of a window and a peak's window are, for pairing
            "batch".
        unbound_beyond_bp: how far they are where there is none; null for the width of a window.
    """

    balance: tuple[str, ...] = ("target",)
    kind_weights: Mapping[str, int] | None = None
    shift_bp: tuple[int, int] = (0, 0)
    reverse_complement: bool = True
    pairing: str = "own"
    bound_within_bp: int = 50
    unbound_beyond_bp: int | None = None

    def __post_init__(self):
        if self.pairing not in PAIRING:
            raise BasewiseError(
                "unknown sampling/pairing",
                found=repr(self.pairing),
                hint=nearest(self.pairing, PAIRING),
            )
        object.__setattr__(self, "balance", tuple(self.balance))
        if len(tuple(self.shift_bp)) != 2:
            raise BasewiseError(
                "sampling/shift_bp is the least and the greatest shift", found=self.shift_bp
            )
        object.__setattr__(self, "shift_bp", tuple(self.shift_bp))


class WindowExamples:
    """Batches of windows with labels, of a table of windows.

    Args:
        dropped: peaks that are neither bound nor not, for pairing "batch"; see `read_dropped`.
    """

    def __init__(
        self,
        windows: pd.DataFrame,
        pairs: PairTable,
        trunk: DnaTrunk,
        sequences: Sequences,
        *,
        sampling: Sampling,
        batch_size: int,
        accumulate: int = 1,
        seed: int = 0,
        dropped: pd.DataFrame | None = None,
    ):
        self.pairs, self.trunk, self.sequences = pairs, trunk, sequences
        self.sampling, self.batch_size, self.accumulate = sampling, batch_size, accumulate
        self.sampler = Sampler(
            windows,
            chromsizes=sequences.chromsizes,
            seed=seed,
            batch_size=batch_size * accumulate,
            balance=sampling.balance,
            kind_weights=sampling.kind_weights,
            shift_bp=sampling.shift_bp,
            reverse_complement=sampling.reverse_complement,
            epoch_size=max(len(windows), batch_size * accumulate),
        )
        self.bound = None
        if sampling.pairing == "batch":
            width = int(windows["end"].iloc[0] - windows["start"].iloc[0])
            beyond = width if sampling.unbound_beyond_bp is None else sampling.unbound_beyond_bp
            within = sampling.bound_within_bp
            self.bound = BoundPlaces.of(windows, pairs, within, beyond, dropped)

    @property
    def fingerprint(self) -> str:
        """Of the windows, what the sampler does with them, and the pairs' embeddings."""
        places = "" if self.bound is None else f" {self.bound.fingerprint}"
        return (
            f"{self.sampler.seed} {self.sampler.state.fingerprint} {self.pairs.fingerprint} "
            f"{self.sampling}{places}"
        )

    def draw(self, step: int) -> PairBatch:
        """Return the micro-batches of a step, counted from 0, along a first axis."""
        epoch, number = divmod(step, self.sampler.n_batches)
        examples = self.sampler.batch(epoch, number)
        inputs = self.trunk.encode(read_bases(examples, self.sequences))
        numbers = self.pairs.numbers(examples.target, examples.biotype)
        split = lambda array: array.reshape(self.accumulate, self.batch_size, *array.shape[1:])  # noqa: E731
        used, own = choose_pairs(split(numbers))
        arrays = self.pairs.take(used.ravel(), draw_phases(self.sampler.seed, step))
        shared = [
            None if array is None else array.reshape(*used.shape, *array.shape[1:])
            for array in arrays
        ]
        target, weight = split(examples.label.astype(np.float32)), None
        if self.bound is not None:
            target, weight = self._label_all(examples, numbers, used)
        return PairBatch(
            split(inputs),
            *shared,
            own,
            target,
            weight,
            split(examples.score.astype(np.float32)),
            split(examples.n_peaks.astype(np.float32)),
        )

    @property
    def prevalence(self) -> float | None:
        """The share of 1 among known labels of the first steps; None where windows decide it.

        With pairing "own" the kinds of windows say it, and are usually about even.
        """
        if self.bound is None:
            return None
        drawn = [self.draw(step) for step in range(PREVALENCE_STEPS)]
        bound = sum(float((batch.target * batch.weight).sum()) for batch in drawn)
        return bound / max(sum(float(batch.weight.sum()) for batch in drawn), 1.0)

    def _label_all(self, examples: Examples, numbers: np.ndarray, used: np.ndarray):
        centres = (examples.start + examples.end) // 2
        shape = (self.accumulate, self.batch_size)
        chroms, centres = examples.chrom.reshape(shape), centres.reshape(shape)
        labels, weights = [], []
        for row in range(self.accumulate):
            label, weight = self.bound.label(chroms[row], centres[row], used[row])
            repeats = _repeats(used[row])[:, None]
            is_own = (used[row][:, None] == numbers.reshape(shape)[row]) & ~repeats
            own_label = examples.label.reshape(shape)[row]
            label = np.where(is_own, own_label, label)
            weight = np.where(is_own, 1.0, np.where(repeats, 0.0, weight))
            labels.append(label.astype(np.float32))
            weights.append(weight.astype(np.float32))
        return np.stack(labels), np.stack(weights)


def draw_phases(seed: int, step: int) -> np.random.Generator:
    """Return what draws the phases of a step's proteins: of the step alone, so that it resumes."""
    return np.random.default_rng([seed, step, PHASES])


def choose_pairs(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct pairs of each micro-batch, and which of them is each window's own.

    Args:
        numbers: int (A, B) of pairs.

    Returns:
        int32 (A, T), where T is the largest number of distinct pairs, rounded up so that few
        batches differ in it, and the first pair fills what is left; int32 (A, B), places in T.
    """
    distinct = [np.unique(row, return_inverse=True) for row in numbers]
    most = max(len(pairs) for pairs, _ in distinct)
    size = min(1 << (most - 1).bit_length(), numbers.shape[1])
    used = np.stack([np.pad(pairs, (0, size - len(pairs)), mode="wrap") for pairs, _ in distinct])
    for row, (pairs, _) in enumerate(distinct):
        used[row, len(pairs) :] = pairs[0]
    return used.astype(np.int32), np.stack([own for _, own in distinct]).astype(np.int32)


def _repeats(used: Sequence[int]) -> np.ndarray:
    """Which places hold a pair that an earlier place holds."""
    _, first = np.unique(used, return_index=True)
    repeats = np.ones(len(used), bool)
    repeats[first] = False
    return repeats
