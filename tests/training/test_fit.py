"""The loop on a line that is fitted: best parameters, early end, resumption, bad losses."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.training.fit import FitSettings, fit
from basewise.training.state import STATE_NAME, load_state, read_record, save_state

SETTINGS = FitSettings(
    steps=30, batch_size=8, learning_rate=0.05, warmup_steps=5, validate_every=10, weight_decay=0.0
)


class Killed(Exception):
    """Stands for a signal that ends the process."""


class Line:
    """y = 2x + 1 from noisy points; keys shake the loss, so that a wrong key shows."""

    monitor = "fit"
    fingerprint = "a line"

    def __init__(self, *, killed_at=None, broken_at=None, worse_after=None):
        self.killed_at, self.broken_at, self.worse_after = killed_at, broken_at, worse_after
        self.drawn, self.judged = [], 0

    def init(self, rng):
        return {"adapter": {"line": {"w": jax.random.normal(rng, (1, 1)), "b": jnp.zeros(1)}}}

    def trainable(self, params):
        return jax.tree.map(lambda _: np.asarray(True), params)

    def draw(self, step):
        if step == self.killed_at:
            raise Killed
        self.drawn.append(step)
        rng = np.random.default_rng([7, step])
        x = rng.normal(size=(1, 8, 1)).astype(np.float32)
        y = 2 * x + 1
        return {"x": x, "y": y * np.nan if step == self.broken_at else y}

    def loss(self, params, batch, rng):
        line = params["adapter"]["line"]
        noise = 0.01 * jax.random.normal(rng, batch["x"].shape)
        loss = ((batch["x"] @ line["w"] + line["b"] + noise - batch["y"]) ** 2).mean()
        return loss, {"loss": loss, "total_loss": loss}

    def shard(self, batches, axis, whole):
        return jax.tree.map(lambda _: axis, batches)

    def validate(self, params):
        self.judged += 1
        line = jax.device_get(params)["adapter"]["line"]
        score = -abs(float(line["w"][0, 0]) - 2) - abs(float(line["b"][0]) - 1)
        if self.worse_after is not None and self.judged > self.worse_after:
            score = -100.0 - self.judged
        return {"fit": score}


def leaves(fitted):
    return jax.tree.leaves(fitted.params)


def assert_same(one, other):
    assert all(np.array_equal(a, b) for a, b in zip(leaves(one), leaves(other), strict=True))
    timeless = [
        [{k: v for k, v in row.items() if k not in ("minutes", "samples_per_s")} for row in rows]
        for rows in (one.history, other.history)
    ]
    assert timeless[0] == timeless[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fit(Line(), SETTINGS, tmp_path_factory.mktemp("whole"))


def test_it_learns_and_tells_how(whole, tmp_path):
    seen = []
    again = fit(Line(), SETTINGS, tmp_path, hook=lambda step, row: seen.append((step, row)))
    assert_same(whole, again)
    assert whole.history[-1]["valid_fit"] > whole.history[0]["valid_fit"]
    assert [step for step, _ in seen] == [10, 20, 30]
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [row for _, row in seen] == again.history
    assert rows[-1]["samples_seen"] == 240


@pytest.mark.parametrize("killed_at", [0, 3, 10, 19, 20, 29])
def test_a_kill_at_any_step_changes_nothing(whole, tmp_path, killed_at):
    with pytest.raises(Killed):
        fit(Line(killed_at=killed_at), SETTINGS, tmp_path)
    second = Line()
    assert_same(whole, fit(second, SETTINGS, tmp_path))
    assert second.drawn[0] == killed_at - killed_at % 10  # not from the beginning


def test_killed_twice_is_as_once(whole, tmp_path):
    for killed_at in (12, 25):
        with pytest.raises(Killed):
            fit(Line(killed_at=killed_at), SETTINGS, tmp_path)
    assert_same(whole, fit(Line(), SETTINGS, tmp_path))


def test_the_state_of_other_settings_is_refused_or_left(whole, tmp_path):
    with pytest.raises(Killed):
        fit(Line(killed_at=12), replace(SETTINGS, learning_rate=0.01), tmp_path)
    with pytest.raises(BasewiseError, match="other settings or data"):
        fit(Line(), SETTINGS, tmp_path)
    assert_same(whole, fit(Line(), SETTINGS, tmp_path, on_other_state="restart"))


def test_a_loss_that_is_not_finite_stops_and_says_where(tmp_path):
    with pytest.raises(BasewiseError, match=r"loss is nan at step 15.*of step 10"):
        fit(Line(broken_at=14), SETTINGS, tmp_path)
    assert read_record(tmp_path / STATE_NAME)["step"] == 10  # the last good one is kept


def test_a_loss_that_is_never_finite_has_no_state(tmp_path):
    with pytest.raises(BasewiseError, match=r"step 1\..*none yet"):
        fit(Line(broken_at=0), SETTINGS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_stops_early_and_keeps_the_best(tmp_path):
    settings = replace(SETTINGS, steps=100, patience=2)
    fitted = fit(Line(worse_after=1), settings, tmp_path)
    assert [row["step"] for row in fitted.history] == [10, 20, 30]
    assert fitted.best_step == 10
    # a run that has stopped stays so
    again = Line()
    assert_same(fitted, fit(again, settings, tmp_path))
    assert again.drawn == []


def test_micro_batches_are_averaged(tmp_path):
    class Twice(Line):
        def draw(self, step):
            batch = super().draw(step)
            return {name: np.concatenate([array, array]) for name, array in batch.items()}

        def loss(self, params, batch, rng):
            return super().loss(params, batch, jax.random.key(0))

    class Once(Line):
        def loss(self, params, batch, rng):
            return super().loss(params, batch, jax.random.key(0))

    twice = fit(Twice(), replace(SETTINGS, accumulate=2), tmp_path / "twice")
    once = fit(Once(), SETTINGS, tmp_path / "once")
    for a, b in zip(leaves(twice), leaves(once), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "training/steps"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"learning_rate": 0.0}, "training/learning_rate"),
        ({"warmup_steps": -1}, "training/warmup_steps"),
        ({"precision": "float8"}, "training/precision"),
    ],
)
def test_bad_settings_are_named(changes, said):
    with pytest.raises(BasewiseError, match=said):
        replace(SETTINGS, **changes)


def test_rates_rise_and_fall():
    rate = SETTINGS.rate()
    assert float(rate(0)) == 0.0
    assert float(rate(5)) == pytest.approx(0.05)
    assert float(rate(30)) == pytest.approx(0.0005)
    assert float(replace(SETTINGS, schedule="constant").rate()(29)) == pytest.approx(0.05)


def test_a_state_of_another_model_is_refused(tmp_path):
    save_state(tmp_path / STATE_NAME, {"a": np.zeros(3)}, {"step": 1})
    with pytest.raises(BasewiseError, match="another model or optimiser"):
        load_state(tmp_path / STATE_NAME, {"a": np.zeros(4)})


def test_a_damaged_state_is_refused(tmp_path):
    (tmp_path / STATE_NAME).write_bytes(b"nothing")
    with pytest.raises(BasewiseError, match="no state of training"):
        read_record(tmp_path / STATE_NAME)


@pytest.mark.slow
def test_two_devices_do_as_one(whole, tmp_path, two_devices):
    """Windows are shared out over local devices; a batch that cannot be is refused."""
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import jax, numpy as np
from pathlib import Path
from dataclasses import replace
from pathlib import Path
from test_fit import Line, SETTINGS, fit
from basewise.errors import BasewiseError
assert len(jax.local_devices()) == 2
fitted = fit(Line(), SETTINGS, Path({str(tmp_path)!r}))
print(*[float(leaf.ravel()[0]) for leaf in jax.tree.leaves(fitted.params)])
try:
    fit(Line(), replace(SETTINGS, batch_size=9), Path({str(tmp_path / "nine")!r}))
except BasewiseError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=two_devices,
        capture_output=True,
        text=True,
        check=True,
    )
    numbers, said = done.stdout.strip().splitlines()
    expected = [float(leaf.ravel()[0]) for leaf in leaves(whole)]
    np.testing.assert_allclose([float(x) for x in numbers.split()], expected, rtol=1e-4)
    assert "multiple of the 2 local devices" in said
