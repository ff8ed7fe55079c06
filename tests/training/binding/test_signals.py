"""Bins of bigWigs as what is learned: labels turn with the bases, all pairs share a locus."""

import json

import numpy as np
import pandas as pd
import pytest

pyBigWig = pytest.importorskip("pyBigWig")

from basewise.errors import BasewiseError  # noqa: E402
from basewise.models.binding.trunks import build_dna_trunk  # noqa: E402
from basewise.peaks.signal import bin_signals  # noqa: E402
from basewise.training.binding.checkpoint import load_binding  # noqa: E402
from basewise.training.binding.data import open_pairs  # noqa: E402
from basewise.training.binding.examples import Sampling  # noqa: E402
from basewise.training.binding.settings import SignalData  # noqa: E402
from basewise.training.binding.signals import SignalExamples  # noqa: E402
from basewise.training.binding.train import train_binding  # noqa: E402

SIZES = {"one": 60_000, "two": 24_000, "three": 24_000}
BIN = 8


@pytest.fixture(scope="module")
def signals(toy, tmp_path_factory):
    """signals.tsv of three targets, and loci.bed; a value per base, so that bins differ."""
    folder = tmp_path_factory.mktemp("signals")
    rng = np.random.default_rng(4)
    lines = ["name\ttarget\tbiotype\tpath"]
    for target in ("TOYA", "TOYB", "TOYC"):
        path = folder / f"{target}.bw"
        with pyBigWig.open(str(path), "w") as bigwig:
            bigwig.addHeader(list(SIZES.items()))
            for chrom, size in SIZES.items():
                values = rng.random(size // BIN) * 3
                bigwig.addEntries(chrom, 0, values=np.repeat(values, BIN), span=1, step=1)
        lines.append(f"{target}\t{target}\tcell\t{target}.bw")
    (folder / "table.tsv").write_text("\n".join(lines) + "\n")
    loci = [
        f"{chrom}\t{start}\t{start + 64}\t{split}"
        for chrom, split in (("one", "train"), ("two", "valid"))
        for start in range(64, 6400, 64)
    ]
    (folder / "loci.bed").write_text("\n".join(loci) + "\n")
    (folder / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    bin_signals(
        folder / "table.tsv",
        folder,
        folder / "loci.bed",
        folder / "signals.tsv",
        chromsizes=folder / "chrom.sizes",
        resolution_bp=BIN,
    )
    return folder


def open_examples(signals, genome, **changes) -> SignalExamples:
    data = SignalData(str(signals / "signals.tsv"), str(signals / "loci.bed"), **changes)
    return SignalExamples.open(data, genome)


@pytest.fixture
def make(signals, genome, toy, facts):
    def make(*, sampling=None, **changes):
        source = open_examples(signals, genome, **changes)
        pairs = open_pairs(source.all_pairs, toy / "proteins.tsv", toy / "contexts.tsv")
        return source.of(
            build_dna_trunk(facts.TRUNK),
            pairs,
            sampling=sampling or Sampling(),
            batch_size=6,
            accumulate=2,
        )

    return make


def test_the_highest_value_is_noted_for_the_tracks_to_come(signals, genome):
    low, high = open_examples(signals, genome).summary["value_range"]
    assert low == 0.0
    assert 2.5 < high <= 3.0


def test_bins_turn_with_the_bases(make, signals, genome):
    examples = make(held_out_targets=("TOYC",))
    batch = examples.draw(3)
    assert batch.target.shape == (2, 2, 6, 8)  # micro-batches, pairs, loci, bins
    assert batch.protein.shape[:2] == (2, 2)
    drawn = examples.sampler.batch(0, 3)
    assert drawn.is_reversed.any()
    assert not drawn.is_reversed.all()
    for number in range(12):
        start, end = int(drawn.start[number]), int(drawn.end[number])
        for row, target in enumerate(("TOYA", "TOYB")):
            with pyBigWig.open(str(signals / f"{target}.bw")) as bigwig:
                truth = np.array(bigwig.values("one", start, end)).reshape(8, BIN).mean(axis=1)
            if drawn.is_reversed[number]:
                truth = truth[::-1]
            found = batch.target[number // 6, row, number % 6]
            np.testing.assert_allclose(found, truth, rtol=1e-5)


def test_a_step_may_read_some_signals_only(make):
    examples = make(pairs_per_step=2)
    chosen = [tuple(examples._choose(step)) for step in range(20)]
    assert {len(own) for own in chosen} == {2}
    assert len(set(chosen)) == 3
    assert chosen == [tuple(examples._choose(step)) for step in range(20)]
    assert examples.draw(0).target.shape[1] == 2


@pytest.mark.slow
def test_tracks_are_trained_and_judged(signals, toy, facts, tmp_path):
    settings = {
        "name": "tracks",
        "genome": str(toy / "genome.fa"),
        "signals": {
            "table": str(signals / "signals.tsv"),
            "loci": str(signals / "loci.bed"),
            "held_out_targets": ["TOYC"],
        },
        "proteins": str(toy / "proteins.tsv"),
        "contexts": str(toy / "contexts.tsv"),
        "trunk": facts.TRUNK,
        "adapter": dict(facts.ADAPTER),
        "training": {"steps": 2, "batch_size": 8, "validate_every": 1, "warmup_steps": 0},
        "valid_windows": 20,
    }
    train_binding(settings, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert all(np.isfinite(row["valid_pearson"]) for row in rows)
    loaded = load_binding(tmp_path)
    assert not loaded.model.config.binary_target
    assert loaded.config["data"]["targets"] == ["TOYA", "TOYB"]
    assert loaded.window_bp == 64


def test_what_cannot_be_learned_is_refused(make, signals, genome, tmp_path):
    with pytest.raises(BasewiseError, match=r"names 'TOYD'.*Did you mean"):
        open_examples(signals, genome, held_out_targets=("TOYD",))
    with pytest.raises(BasewiseError, match="left to train on"):
        open_examples(signals, genome, held_out_targets=("TOYA", "TOYB", "TOYC"))
    with pytest.raises(BasewiseError, match="no locus of split 'none'"):
        open_examples(signals, genome, valid_split="none")


def test_bins_of_another_width_than_the_trunks_are_refused(signals, genome, toy, facts):
    trunk = json.loads(json.dumps(facts.TRUNK))
    trunk["architecture"]["trunk"]["num_downsamples"] = 4
    source = open_examples(signals, genome)
    pairs = open_pairs(source.all_pairs, toy / "proteins.tsv", toy / "contexts.tsv")
    with pytest.raises(BasewiseError, match=r"binned to 8 bp.*16 bp"):
        source.of(build_dna_trunk(trunk), pairs, sampling=Sampling(), batch_size=2)


def test_the_table_names_what_trains(make):
    assert isinstance(make().table, pd.DataFrame)
    assert len(make(held_out_targets=("TOYA",)).signals) == 2
