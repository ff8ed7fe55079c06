"""The loop: fit a track model's logits to labelled windows."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from basewise.errors import BasewiseError
from basewise.models.track_model import TrackModel
from basewise.training.losses import confusion, matthews, segmentation_loss
from basewise.training.windows import Batch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes:
        steps: optimiser steps; the learning rate rises over ``warmup_steps``, then falls as a
            cosine to a hundredth.
        report_every: steps between lines of progress and validations.
        max_minutes: stop early after this wall time; None for no limit.
    """

    steps: int
    batch_size: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 0
    report_every: int = 200
    max_minutes: float | None = None

    def __post_init__(self):
        for name in ("steps", "batch_size", "report_every"):
            if getattr(self, name) < 1:
                raise BasewiseError(
                    f"training/{name} must be at least 1", found=getattr(self, name)
                )

    def optimiser(self) -> optax.GradientTransformation:
        """Return AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with clipping and schedule."""
        schedule = optax.warmup_cosine_decay_schedule(
            0.0,
            self.learning_rate,
            min(self.warmup_steps, max(self.steps - 1, 1)),
            self.steps,
            self.learning_rate / 100,
        )
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            optax.adamw(schedule, weight_decay=self.weight_decay, mask=_is_matrix),
        )


@dataclass(frozen=True)
class Trained:
    """What a run of the loop leaves: the best parameters by validation, and its record."""

    params: Any
    history: list[dict]


def train(
    model: TrackModel,
    draw: Callable[[int], Batch],
    validation: Callable[[], Iterator[Batch]],
    config: TrainingConfig,
    *,
    metrics_path: Path | None = None,
    params: Any = None,
) -> Trained:
    """Train from ``params`` (fresh ones when None) and return the best by validation MCC.

    Args:
        draw: step -> its batch; a pure function of the step.
        validation: the batches to judge by.
        metrics_path: JSON lines, one per report.
    """
    optimiser = config.optimiser()
    if params is None:
        params = jax.jit(model.init)(jax.random.key(config.seed))
    state = optimiser.init(params)
    best, best_score, history = params, -2.0, []
    names = [track.name for track in model.tracks]
    step_function, judge = _step(model, optimiser), _judge(model)
    began, losses = time.monotonic(), []
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(draw, 0)
        for step in range(1, config.steps + 1):
            batch = upcoming.result()
            upcoming = pool.submit(draw, step)
            inputs = model.encode(batch.bases)
            params, state, loss = step_function(
                params, state, inputs, batch.labels, batch.is_scored
            )
            losses.append(loss)
            minutes = (time.monotonic() - began) / 60
            is_last = step == config.steps or (config.max_minutes or 1e9) <= minutes
            if step % config.report_every and not is_last:
                continue
            counts = sum(
                np.asarray(judge(params, model.encode(b.bases), b.labels, b.is_scored), np.float64)
                for b in validation()
            )
            scores = np.asarray(matthews(jnp.asarray(counts)))
            bp = step * batch.bases.size
            row = {
                "step": step,
                "minutes": round(minutes, 2),
                "bp_seen": bp,
                "bp_per_s": round(bp / (minutes * 60)),
                "loss": float(np.mean(jax.device_get(losses))),
                "mean_mcc": float(scores.mean()),
                "mcc": {
                    name: round(float(mcc), 4) for name, mcc in zip(names, scores, strict=True)
                },
            }
            _record(row, config, history, metrics_path)
            losses = []
            if scores.mean() > best_score:
                best, best_score = params, scores.mean()
            if is_last:
                break
    return Trained(jax.device_get(best), history)


def _step(model: TrackModel, optimiser: optax.GradientTransformation) -> Callable:
    @jax.jit
    def step(params, state, inputs, labels, is_scored):
        def loss_of(params):
            return segmentation_loss(model.logits(params, inputs), labels, is_scored)

        loss, gradients = jax.value_and_grad(loss_of)(params)
        updates, state = optimiser.update(gradients, state, params)
        return optax.apply_updates(params, updates), state, loss

    return step


def _judge(model: TrackModel) -> Callable:
    @jax.jit
    def judge(params, inputs, labels, is_scored):
        return confusion(model.logits(params, inputs), labels, is_scored)

    return judge


def _is_matrix(params):
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def _record(row: dict, config: TrainingConfig, history: list, metrics_path: Path | None) -> None:
    history.append(row)
    left = row["minutes"] * (config.steps / row["step"] - 1)
    log.info(
        "step %d/%d, loss %.4f, validation MCC %.3f, %s bp/s, ETA %.0f min, %s",
        row["step"], config.steps, row["loss"], row["mean_mcc"], f"{row['bp_per_s']:,}", left,
        row["mcc"],
    )  # fmt: skip
    if metrics_path is not None:
        with metrics_path.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
