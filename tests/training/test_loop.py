"""The loss by its formula, and a loop that learns, repeats itself and keeps the best."""

import json
import logging

import jax
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.families import build_track_model
from basewise.training.loop import TrainingConfig, train
from basewise.training.losses import confusion, matthews, segmentation_loss
from basewise.training.windows import Batch


def test_the_loss_is_the_cross_entropy_of_scored_bases():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 5, 3, 2)).astype(np.float32)
    labels = rng.integers(0, 2, (2, 5, 3)).astype(np.uint8)
    is_scored = rng.random((2, 5)) < 0.7
    total, count = 0.0, 0
    for row, position in zip(*np.nonzero(is_scored), strict=True):
        for element in range(3):
            odds = np.exp(logits[row, position, element])
            total -= np.log(odds[labels[row, position, element]] / odds.sum())
            count += 1
    assert segmentation_loss(logits, labels, is_scored) == pytest.approx(total / count, rel=1e-5)


def test_confusion_and_mcc_by_hand():
    presence = np.array([[3.0, 2.0, -1.0, -2.0, 1.0, 9.0]], np.float32)
    logits = np.stack([np.zeros_like(presence), presence], axis=-1)[:, :, None]
    labels = np.array([[1, 0, 1, 0, 1, 0]], np.uint8)[..., None]
    is_scored = np.array([[True, True, True, True, True, False]])
    counts = np.asarray(confusion(logits, labels, is_scored))
    assert counts.tolist() == [[2, 1, 1, 1]]
    tp, fp, fn, tn = 2, 1, 1, 1
    expected = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert matthews(counts)[0] == pytest.approx(expected)
    assert matthews(np.array([[0.0, 0.0, 3.0, 2.0]]))[0] == 0.0


WORDS = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (16, 6))


def draw(step):
    """Windows of sixteen words, of which half are marked: learnable one token at a time."""
    words = np.random.default_rng(step).integers(0, len(WORDS), (8, 16))
    labels = np.repeat(words < len(WORDS) // 2, 6, axis=1)[..., None].astype(np.uint8)
    return Batch(WORDS[words].reshape(8, 96), np.repeat(labels, 3, axis=2), np.ones((8, 96), bool))


@pytest.fixture(scope="module")
def model(tiny_config):
    return build_track_model(tiny_config)


def run(model, **options):
    config = TrainingConfig(
        steps=120, batch_size=8, learning_rate=0.02, warmup_steps=10, report_every=40, **options
    )
    return train(model, draw, lambda: iter([draw(10_000)]), config)


def test_the_loop_learns_what_can_be_learned(model):
    trained = run(model)
    assert [row["step"] for row in trained.history] == [40, 80, 120]
    losses = [row["loss"] for row in trained.history]
    assert losses[2] < 0.5 * losses[0]
    assert trained.history[-1]["mean_mcc"] > 0.8


def test_the_same_seed_gives_the_same_parameters(model):
    first, second, other = run(model, seed=1), run(model, seed=1), run(model, seed=2)
    jax.tree.map(np.testing.assert_array_equal, first.params, second.params)
    same = jax.tree.map(lambda a, b: bool((a == b).all()), first.params, other.params)
    assert not all(jax.tree.leaves(same))


def test_a_time_limit_ends_with_a_report(model, tmp_path, caplog):
    config = TrainingConfig(steps=10_000, batch_size=8, report_every=5000, max_minutes=1e-6)
    metrics = tmp_path / "metrics.jsonl"
    with caplog.at_level(logging.INFO, logger="basewise"):
        trained = train(model, draw, lambda: iter([draw(1)]), config, metrics_path=metrics)
    assert len(trained.history) == 1
    (line,) = metrics.read_text().splitlines()
    row = json.loads(line)
    assert row["step"] == 1
    assert set(row["mcc"]) == {"exon", "intron", "splice_donor"}
    assert "ETA" in caplog.text


def test_impossible_settings_are_refused():
    with pytest.raises(BasewiseError, match="training/steps must be at least 1; found 0"):
        TrainingConfig(steps=0)
