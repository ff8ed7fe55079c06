"""The toy model of binding that ships: whole, small, and good on a genome it has not seen."""

from pathlib import Path

import jax
import numpy as np
import pytest

from basewise.checkpoints.store import check_checkpoint
from basewise.encoders import build_encoder, encode_biotypes
from basewise.encoders.cache import write_embeddings
from basewise.genome import MemoryGenome
from basewise.toy import make_toy_genome
from basewise.toy.binding import (
    CLEAR_BP,
    ENCODERS,
    TRAINING_SEED,
    VALID_CHROM,
    WIDTH_BP,
    list_chains,
    make_windows,
    train_toy_binding,
    unmodified,
)
from basewise.toy.peaks import BIOTYPES, TARGETS
from basewise.training.binding.checkpoint import load_binding
from basewise.training.binding.metrics import average_precision
from basewise.training.binding.predict import predict_windows

SHIPPED = Path(__file__).resolve().parents[2] / "resources/toy/binding_toy"
UNSEEN_SEED = 8  # nothing of the model was chosen on it


@pytest.fixture(scope="module")
def toy():
    return make_toy_genome(UNSEEN_SEED, {"one": 120_000}, contigs=False, sites=True)


@pytest.fixture(scope="module")
def windows(toy):
    return make_windows(toy, np.random.default_rng(3))


def test_windows_are_of_sites_or_far_from_them(toy, windows):
    centres = {target: [] for target in TARGETS}
    for site in toy.sites:
        for target, factors in TARGETS.items():
            if site.factor in factors:
                centres[target].append((site.start + site.end) // 2)
    assert set(windows["kind"]) == {"peak", "random", "near_miss", "other"}
    assert (windows["end"] - windows["start"] == WIDTH_BP).all()
    peaks = windows[windows["kind"] == "peak"]
    assert (peaks["start"] < peaks["peak_start"]).all()
    assert (peaks["peak_end"] < peaks["end"]).all()
    assert (windows.loc[windows["kind"] != "peak", ["peak_start", "peak_end"]] == -1).all(axis=None)
    for target, own in centres.items():
        rows = windows[windows["target"] == unmodified(target)]
        middles = rows["start"].to_numpy() + WIDTH_BP // 2
        nearest = np.abs(middles[:, None] - np.array(own)).min(axis=1)
        assert ((nearest == 0) == rows["label"].astype(bool)).all()
        assert (nearest[rows["label"] == 0] >= CLEAR_BP).all()
        assert rows["label"].sum() >= len(BIOTYPES) * 0.9 * len(own)


@pytest.mark.slow
def test_the_model_is_trained_in_turns(tmp_path):
    out, sizes = tmp_path / "toy", {"chr1": 60_000, VALID_CHROM: 30_000}
    train_toy_binding(out, turns=((2, 1), (3, 4)), chromsizes=sizes)
    assert check_checkpoint(out)
    made, shipped = load_binding(out), load_binding(SHIPPED)
    assert made.config["architecture"] == shipped.config["architecture"]
    assert jax.tree.map(np.shape, made.params) == jax.tree.map(np.shape, shipped.params)
    assert made.config["training"]["started_from"] == "the turn before"
    assert made.config["data"]["windows"]["train"] > 100
    told = (out / "config.json").read_text()
    assert "/tmp" not in told
    assert str(tmp_path) not in told


def test_the_shipped_model_finds_sites_on_an_unseen_genome(toy, windows, tmp_path):
    assert UNSEEN_SEED != TRAINING_SEED
    assert check_checkpoint(SHIPPED)
    assert (SHIPPED / "params.safetensors").stat().st_size < 300_000
    embedded = {name: tmp_path / f"{name}.tsv" for name in ("proteins", "contexts")}
    chains = {unmodified(target): list_chains(target) for target in TARGETS}
    encoder = build_encoder(ENCODERS["proteins"]["encoder"])
    write_embeddings(chains, encoder, tmp_path / "embeddings", embedded["proteins"])
    encoder = build_encoder("ngrams", dim=ENCODERS["contexts"]["dim"])
    names = {biotype: biotype for biotype in BIOTYPES}
    encode_biotypes(names, encoder, tmp_path / "embeddings", embedded["contexts"])
    logits = predict_windows(
        load_binding(SHIPPED), windows, MemoryGenome(toy.sequences), **embedded
    )
    labels = windows["label"].to_numpy()
    for target in map(unmodified, TARGETS):
        own = (windows["target"] == target).to_numpy()
        assert average_precision(logits[own], labels[own]) >= 0.8, target
