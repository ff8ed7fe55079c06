"""Binding as a task of the loop: what to draw, what to minimise, how to validate."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import jax
import numpy as np
import pandas as pd

from basewise.models.binding.model import BindingModel
from basewise.training.binding.examples import PairBatch
from basewise.training.binding.metrics import summarise_binary
from basewise.training.binding.objective import pair_loss
from basewise.training.binding.score import Scorer
from basewise.training.trainable import choose_trainable

log = logging.getLogger(__name__)


class Drawn(Protocol):
    """Examples by step.

    Attributes:
        fingerprint: of everything that shapes them.
    """

    fingerprint: str

    def draw(self, step: int) -> PairBatch:
        """Return the micro-batches of a step."""


@dataclass(frozen=True)
class BindingTask:
    """A model, examples to learn from, and windows or bins to judge it by.

    Attributes:
        judge: parameters -> metrics.
        monitor: which of them chooses the best parameters.
        mode, n_last: what of the trunk learns (`choose_trainable`).
        start: drawn parameters -> those to start from; None for as drawn.
        described: what else shapes the model, for the fingerprint.
    """

    model: BindingModel
    examples: Drawn
    judge: Callable[[dict], dict[str, float]]
    monitor: str
    mode: str = "all"
    n_last: int = 0
    start: Callable[[dict], dict] | None = None
    described: str = ""

    @property
    def fingerprint(self) -> str:
        return f"{self.examples.fingerprint} {self.mode} {self.n_last} {self.described}"

    def init(self, rng: jax.Array) -> dict:
        params = jax.jit(self.model.init)(rng)
        return params if self.start is None else self.start(params)

    def trainable(self, params: Mapping) -> dict:
        return choose_trainable(
            params,
            self.mode,
            n_last=self.n_last,
            heads=tuple(self.model.config.finetune_output_heads),
            read_value=self.model.config.aux_read_value_loss,
        )

    def draw(self, step: int) -> PairBatch:
        return self.examples.draw(step)

    def loss(self, params: dict, batch: PairBatch, rng: jax.Array):
        return pair_loss(self.model, params, batch, rng)

    def shard(self, batches: PairBatch, axis, whole) -> PairBatch:
        """Windows are shared out over devices; pairs are on each of them."""
        own = PairBatch(*[None if array is None else whole for array in batches])
        by_window = dict.fromkeys(("inputs", "own", "read_value", "peaks_nr"), axis)
        if batches.target.ndim == 2:
            by_window["target"] = axis
        return own._replace(**by_window)

    def validate(self, params: dict) -> dict[str, float]:
        return self.judge(params)


def judge_windows(scorer: Scorer, windows: pd.DataFrame) -> Callable[[dict], dict[str, float]]:
    """Return parameters -> `summarise_binary` of windows for their own pairs."""
    labels = windows["label"].to_numpy()
    targets = windows["target"].astype(str).to_numpy(object)

    def judge(params: dict) -> dict[str, float]:
        return summarise_binary(scorer.score_own(params, windows), labels, targets)

    return judge


def choose_windows(windows: pd.DataFrame, most: int | None, seed: int) -> pd.DataFrame:
    """Return at most so many windows, at random, in the order of before."""
    if most is None or len(windows) <= most:
        return windows.reset_index(drop=True)
    rows = np.random.default_rng([seed, len(windows)]).permutation(len(windows))[:most]
    return windows.iloc[np.sort(rows)].reset_index(drop=True)
