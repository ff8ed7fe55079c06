"""What a binding model says of windows: of each for its own pair, or of all for many pairs.

Shapes: n windows, T pairs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import pandas as pd

from basewise.genome import Sequences
from basewise.models.binding.model import BindingModel
from basewise.training.binding.examples import PairBatch, choose_pairs
from basewise.training.binding.objective import predict_embedded, predict_own
from basewise.training.binding.pairs import PairTable

PAIRS_AT_ONCE = 32


@dataclass(frozen=True)
class Scorer:
    """A model, the pairs that it may be asked for, and a genome.

    Attributes:
        batch_size: windows per step; changes speed and memory only.
    """

    model: BindingModel
    pairs: PairTable
    sequences: Sequences
    batch_size: int = 256

    def score_own(self, params: dict, windows: pd.DataFrame) -> np.ndarray:
        """Return logits float32 (n,) of windows for their own pairs.

        Args:
            windows: columns chrom, start, end, target, biotype, of one width.

        Raises:
            BasewiseError: a window of a pair that the table lacks, or outside its chrom.
        """
        targets, biotypes = (windows[name].astype(str).to_list() for name in ("target", "biotype"))
        numbers = self.pairs.numbers(targets, biotypes)
        order = np.argsort(numbers, kind="stable")  # few pairs in each batch
        logits = np.empty(len(windows), np.float32)
        for rows, inputs in self._inputs(windows, order):
            padded = np.pad(numbers[rows], (0, self.batch_size - len(rows)), mode="edge")
            used, own = choose_pairs(padded[None])
            nothing = np.zeros(self.batch_size, np.float32)
            batch = PairBatch(
                inputs, *self.pairs.take(used[0]), own[0], nothing, None, nothing, nothing
            )
            logits[rows] = np.asarray(self._own(params, batch))[: len(rows)]
        return logits

    def score_all(
        self, params: dict, windows: pd.DataFrame, pairs: Sequence[int]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows (b,) and their logits float32 (b, T) for pairs, one trunk pass for all.

        Args:
            windows: columns chrom, start, end.
            pairs: T numbers of the table.
        """
        groups = [
            np.asarray(pairs[first : first + PAIRS_AT_ONCE])
            for first in range(0, len(pairs), PAIRS_AT_ONCE)
        ]
        arrays = [
            self.pairs.take(np.pad(group, (0, PAIRS_AT_ONCE - len(group)), mode="edge"))
            for group in groups
        ]
        for rows, inputs in self._inputs(windows, np.arange(len(windows))):
            embeddings = self._embed(params, inputs)
            parts = [
                np.asarray(self._all(params, embeddings, part))[: len(group), : len(rows)]
                for group, part in zip(groups, arrays, strict=True)
            ]
            yield rows, np.concatenate(parts).T

    def _inputs(
        self, windows: pd.DataFrame, order: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows, and the trunk's inputs of them, padded to a whole batch with the last."""
        chroms = windows["chrom"].astype(str).to_numpy(object)
        starts, ends = (windows[name].to_numpy(np.int64) for name in ("start", "end"))
        for first in range(0, len(order), self.batch_size):
            rows = order[first : first + self.batch_size]
            bases = np.stack(
                [self.sequences.read(chroms[i], int(starts[i]), int(ends[i])) for i in rows]
            )
            bases = np.pad(bases, ((0, self.batch_size - len(rows)), (0, 0)), mode="edge")
            yield rows, self.model.trunk.encode(bases)

    @cached_property
    def _own(self) -> Callable:
        return jax.jit(lambda params, batch: predict_own(self.model, params, batch)["logit"])

    @cached_property
    def _embed(self) -> Callable:
        return jax.jit(self.model.trunk.embed)

    @cached_property
    def _all(self) -> Callable:
        return jax.jit(lambda *arguments: predict_embedded(self.model, *arguments))
