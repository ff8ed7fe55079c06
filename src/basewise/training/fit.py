"""The loop of any model with a loss: steps, validations, the best parameters, resumption.

A run is a function of its settings and data: batches depend on the step alone, keys on the seed
and the step. Whatever is needed to go on is saved at every report, so a run that is killed and
started again ends as one that was not.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError, nearest
from basewise.training.optimiser import build_optimiser
from basewise.training.state import BEST_NAME, STATE_NAME, load_state, read_record, save_state
from basewise.training.step import Learner, build_step, start_learning
from basewise.training.trainable import merge_params

log = logging.getLogger(__name__)

SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16")
METRICS_NAME = "metrics.jsonl"
FLOOR = 0.01  # of the learning rate, at the end of a cosine
Hook = Callable[[int, dict], None]


@dataclass(frozen=True)
class FitSettings:
    """How long, how fast, in what portions.

    Attributes:
        steps: optimiser steps.
        batch_size: windows of a micro-batch, over all devices together.
        accumulate: micro-batches of a step.
        learning_rate: after ``warmup_steps`` of linear rise; "constant" from then on, or falling
            as a "cosine" to a hundredth at the last step.
        clip_norm: longest gradient; None for no limit.
        validate_every: steps between validations; each is followed by a state to resume from.
        patience: validations without a better score after which training stops; None never.
        max_minutes: stop after the validation at which so much time has passed; None never. The
            only setting that makes a run depend on the machine.
        precision: of matrix products; parameters stay float32.
    """

    steps: int
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 3e-4
    warmup_steps: int = 100
    schedule: str = "cosine"
    weight_decay: float = 0.1
    clip_norm: float | None = 1.0
    validate_every: int = 250
    patience: int | None = None
    max_minutes: float | None = None
    seed: int = 0
    precision: str = "float32"

    def __post_init__(self):
        for name in ("steps", "batch_size", "accumulate", "validate_every"):
            if getattr(self, name) < 1:
                raise BasewiseError(
                    f"training/{name} must be at least 1", found=getattr(self, name)
                )
        if self.warmup_steps < 0:
            raise BasewiseError("training/warmup_steps must be 0 or more", found=self.warmup_steps)
        if not self.learning_rate > 0:
            raise BasewiseError(
                "training/learning_rate must be more than 0", found=self.learning_rate
            )
        for name, legal in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            value = getattr(self, name)
            if value not in legal:
                raise BasewiseError(
                    f"unknown training/{name}", found=repr(value), hint=nearest(value, legal)
                )

    def rate(self) -> Callable:
        """Return the learning rate as a function of the step."""
        if self.schedule == "constant":
            rise = optax.linear_schedule(0.0, self.learning_rate, max(self.warmup_steps, 1))
            return rise if self.warmup_steps else optax.constant_schedule(self.learning_rate)
        return optax.warmup_cosine_decay_schedule(
            0.0 if self.warmup_steps else self.learning_rate,
            self.learning_rate,
            min(self.warmup_steps, max(self.steps - 1, 1)),
            max(self.steps, self.warmup_steps + 1),
            self.learning_rate * FLOOR,
        )

    @property
    def shaping(self) -> dict:
        """The settings that a resumed run must share."""
        return {key: value for key, value in asdict(self).items() if key not in _NOT_SHAPING}


_NOT_SHAPING = ("max_minutes", "patience")


class Task(Protocol):
    """What is to be fitted.

    Attributes:
        monitor: the metric of ``validate`` that chooses the best parameters, larger is better.
        fingerprint: of the data, and of everything that shapes what is learned and is not in
            the settings of the loop.
    """

    monitor: str
    fingerprint: str

    def init(self, rng: jax.Array) -> dict:
        """Return the parameters to start from."""

    def trainable(self, params: Mapping) -> dict:
        """Return which of them learn (`choose_trainable`)."""

    def draw(self, step: int) -> Any:
        """Return the batches of a step, counted from 0: arrays (accumulate, batch, …)."""

    def loss(self, params: dict, batch: Any, rng: jax.Array) -> tuple[jax.Array, dict]:
        """Return what is minimised of a micro-batch, and its parts."""

    def shard(self, batches: Any, axis: NamedSharding, whole: NamedSharding) -> Any:
        """Return the sharding of each array of ``draw``: along the windows, or a copy each."""

    def validate(self, params: dict) -> dict[str, float]:
        """Return metrics by name."""


@dataclass(frozen=True)
class Fitted:
    """What a run leaves: the parameters that validated best, and its record, a row a report."""

    params: dict
    history: list[dict]
    best_step: int


def fit(
    task: Task,
    settings: FitSettings,
    folder: Path,
    *,
    hook: Hook | None = None,
    on_other_state: str = "refuse",
) -> Fitted:
    """Train, or go on with the run whose state is in ``folder``.

    Writes metrics.jsonl, a line a report, and the state, to ``folder``.

    Args:
        hook: called with the step and the row of every report: for an experiment tracker.
        on_other_state: "restart" begins afresh where the state is of other settings or data.

    Raises:
        BasewiseError: the state is that of other settings or data; a loss that is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(task, settings, folder, hook)
    run.resume(restarts=on_other_state == "restart")
    while not run.is_over:
        run.advance()
    return run.finish()


class _Run:
    """One run: what changes with the steps."""

    def __init__(self, task: Task, settings: FitSettings, folder: Path, hook: Hook | None):
        self.task, self.settings, self.folder, self.hook = task, settings, folder, hook
        self.identity = _hash({"task": task.fingerprint, "settings": settings.shaping})
        params = task.init(jax.random.key(settings.seed))
        trainable = task.trainable(params)
        optimiser = build_optimiser(
            settings.rate(),
            trainable,
            weight_decay=settings.weight_decay,
            clip_norm=settings.clip_norm,
        )
        self.learner, self.frozen = start_learning(params, trainable, optimiser)
        self.shard = _choose_devices(settings.batch_size)
        self.step_function = jax.jit(
            build_step(task.loss, optimiser, trainable), donate_argnums=(0,)
        )
        self.step, self.history, self.best_step, self.best = 0, [], 0, -math.inf
        self.stale = 0
        self.is_stopped = False
        self.began, self.minutes_before = time.monotonic(), 0.0

    @property
    def is_over(self) -> bool:
        return self.is_stopped or self.step >= self.settings.steps

    def resume(self, *, restarts: bool) -> None:
        record = read_record(self.folder / STATE_NAME)
        if record is None:
            return
        if record["identity"] != self.identity:
            if restarts:
                log.warning("%s is of a run with other settings: starting afresh", self.folder)
                return
            raise BasewiseError(
                f"{self.folder / STATE_NAME} is of a run with other settings or data",
                hint="Train into another directory, or remove this one to start afresh.",
            )
        self.learner = load_state(self.folder / STATE_NAME, self.learner)
        for name in ("step", "history", "best_step", "stale", "is_stopped"):
            setattr(self, name, record[name])
        self.best = record["best"] if record["best"] is not None else -math.inf
        self.minutes_before = record["minutes"]
        log.info("going on after step %d of %d", self.step, self.settings.steps)

    def advance(self) -> None:
        """Take steps until the next validation, validate, report, save."""
        settings, first = self.settings, self.step
        last = min(
            settings.steps, first - first % settings.validate_every + settings.validate_every
        )
        logs, began = [], time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(self._draw, first)
            for step in range(first, last):
                batches = upcoming.result()
                if step + 1 < last:
                    upcoming = pool.submit(self._draw, step + 1)
                key = jax.random.fold_in(jax.random.key(settings.seed + 1), step)
                self.learner, parts = self.step_function(self.learner, self.frozen, batches, key)
                logs.append(parts)
        logs = jax.device_get(logs)
        self._check_finite(logs, first)
        seconds = time.monotonic() - began
        self.step = last
        metrics = self.task.validate(merge_params(self.learner.params, self.frozen))
        self._choose(metrics[self.task.monitor])
        n_samples = (last - first) * settings.batch_size * settings.accumulate
        minutes = self.minutes_before + (time.monotonic() - self.began) / 60
        row = {
            "step": last,
            "minutes": round(minutes, 2),
            "samples_seen": last * settings.batch_size * settings.accumulate,
            "samples_per_s": round(n_samples / seconds, 1),
            "learning_rate": float(settings.rate()(last)),
            **{name: float(np.mean([one[name] for one in logs])) for name in logs[0]},
            **{f"valid_{name}": float(value) for name, value in metrics.items()},
        }
        self.history.append(row)
        if settings.max_minutes is not None and minutes >= settings.max_minutes:
            self.is_stopped = True
            log.info("stopping: %.1f minutes have passed", minutes)
        self._report(row)

    def finish(self) -> Fitted:
        params = merge_params(self.learner.params, self.frozen)
        best = self.folder / BEST_NAME
        if self.best_step and best.is_file():
            learned = load_state(best, self.learner.params)
            params = merge_params(learned, self.frozen)
        return Fitted(jax.device_get(params), self.history, self.best_step)

    def _draw(self, step: int):
        batches = self.task.draw(step)
        if self.shard is None:
            return batches
        axis, whole = self.shard
        return jax.device_put(batches, self.task.shard(batches, axis, whole))

    def _check_finite(self, logs: list[dict], first: int) -> None:
        for number, parts in enumerate(logs):
            names = sorted(parts, key=lambda name: (name != "loss", name))
            bad = [name for name in names if not np.isfinite(parts[name])]
            if bad:
                state = self.folder / STATE_NAME
                good = f"{state}, of step {self.step}" if state.is_file() else "none yet"
                raise BasewiseError(
                    f"training stopped: {bad[0]} is {parts[bad[0]]} at step {first + number + 1}",
                    hint=f"Last good state: {good}. Lower training/learning_rate or "
                    "training/clip_norm, or look for values that are not finite in the data.",
                )

    def _choose(self, score: float) -> None:
        if score > self.best or not self.best_step:
            self.best = score if np.isfinite(score) else -math.inf
            self.best_step, self.stale = self.step, 0
            save_state(self.folder / BEST_NAME, self.learner.params, {"step": self.step})
            return
        self.stale += 1
        if self.settings.patience is not None and self.stale >= self.settings.patience:
            self.is_stopped = True
            log.info("stopping: no better since step %d", self.best_step)

    def _report(self, row: dict) -> None:
        with atomic_path(self.folder / METRICS_NAME) as temporary:
            temporary.write_text("".join(json.dumps(one) + "\n" for one in self.history))
        record = {
            "identity": self.identity,
            "minutes": row["minutes"],
            "best": self.best if np.isfinite(self.best) else None,
        }
        for name in ("step", "history", "best_step", "stale", "is_stopped"):
            record[name] = getattr(self, name)
        save_state(self.folder / STATE_NAME, self.learner, record)
        left = row["minutes"] * (self.settings.steps / max(row["step"], 1) - 1)
        log.info(
            "step %d/%d, loss %.4f, validation %s %.4f, %s samples/s, ETA %.0f min",
            row["step"], self.settings.steps, row["total_loss"], self.task.monitor,
            row[f"valid_{self.task.monitor}"], f"{row['samples_per_s']:,}",
            0 if self.is_over else left,
        )  # fmt: skip
        if self.hook is not None:
            self.hook(row["step"], row)


def _choose_devices(batch_size: int) -> tuple[NamedSharding, NamedSharding] | None:
    """How windows are shared out over the local devices; None where there is one."""
    devices = jax.local_devices()
    if len(devices) == 1:
        return None
    if batch_size % len(devices):
        raise BasewiseError(
            f"training/batch_size must be a multiple of the {len(devices)} local devices",
            found=batch_size,
        )
    mesh = Mesh(np.array(devices), ("windows",))
    # the first axis is that of the micro-batches
    axis = NamedSharding(mesh, PartitionSpec(None, "windows"))
    return axis, NamedSharding(mesh, PartitionSpec())


def _hash(values: dict) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


__all__ = ["FitSettings", "Fitted", "Learner", "Task", "fit"]
