"""Sampling: balanced by turns, moved inside the chrom, the same after a stop and on any workers."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome, reverse_complement
from basewise.peaks.sampling import Sampler, SamplerState, read_bases
from basewise.peaks.shuffle import key_of, mix, permuted

SIZES = {"a": 5_000, "b": 300}
WIDTH = 40


@pytest.fixture(scope="module")
def windows() -> pd.DataFrame:
    """Windows of very uneven targets and biotypes, some at the ends of their chrom."""
    rng = np.random.default_rng(8)
    n = 700
    chrom = rng.choice(["a", "b"], n, p=[0.9, 0.1])
    start = rng.integers(0, [SIZES[name] - WIDTH + 1 for name in chrom])
    start[:3], start[3:6] = 0, [SIZES[name] - WIDTH for name in chrom[3:6]]
    kind = rng.choice(["peak", "random", "scoped"], n, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "chrom": pd.Categorical(chrom),
            "start": start.astype(np.int32),
            "end": (start + WIDTH).astype(np.int32),
            "label": (kind == "peak").astype(np.uint8),
            "kind": pd.Categorical(kind),
            "experiment": "E",
            "target": pd.Categorical(rng.choice(list("ABCDE"), n, p=[0.6, 0.3, 0.06, 0.03, 0.01])),
            "biotype": pd.Categorical(rng.choice(["x", "y", "z"], n, p=[0.8, 0.19, 0.01])),
            "score": rng.random(n).astype(np.float32),
            "n_peaks": rng.integers(1, 99, n),
        }
    )


def make(windows, **options) -> Sampler:
    choices = {"chromsizes": SIZES, "seed": 3, "batch_size": 16} | options
    return Sampler(windows, **choices)


def stream(sampler: Sampler, n: int) -> pd.DataFrame:
    """The next n batches, an example a row."""
    frames = []
    for _ in range(n):
        examples = sampler.next_batch()
        frames.append(pd.DataFrame({k: v for k, v in examples._asdict().items() if k != "state"}))
    return pd.concat(frames, ignore_index=True)


@njit
def permute_all(key, n, n_keys):
    found = np.empty((n_keys, n), np.int64)
    for number in range(n_keys):
        own = mix(key, number)
        for i in range(n):
            found[number, i] = permuted(i, n, own)
    return found


@pytest.mark.parametrize(("n", "n_permutations"), [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120)])
def test_every_permutation_is_equally_likely(n, n_permutations):
    each = 300
    found = permute_all(key_of(1, "test"), n, each * n_permutations)
    assert np.all(np.sort(found, axis=1) == np.arange(n))
    _, counts = np.unique(found @ 10 ** np.arange(n), return_counts=True)
    assert len(counts) == n_permutations
    freedom = max(n_permutations - 1, 1)
    assert np.sum((counts - each) ** 2 / each) < freedom + 4.5 * np.sqrt(2 * freedom)


def test_long_permutations_keep_no_order():
    found = permute_all(key_of(2, "long"), 1_000, 200)
    assert np.all(np.sort(found, axis=1) == np.arange(1_000))
    order = np.arange(1_000)
    correlations = [np.corrcoef(order, row)[0, 1] for row in found]
    assert abs(np.mean(correlations)) < 4 / np.sqrt(1_000 * 200)
    assert np.std(correlations) == pytest.approx(1 / np.sqrt(1_000), rel=0.2)
    neighbours = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in found]
    assert abs(np.mean(neighbours)) < 0.01


def test_the_order_is_the_same_everywhere():
    """Pinned: a change of it would change what every seed means."""
    assert permute_all(key_of(1, "pin"), 8, 2).tolist() == [
        [4, 6, 0, 5, 2, 7, 3, 1],
        [2, 7, 3, 0, 5, 4, 1, 6],
    ]


def test_without_balance_an_epoch_shows_every_window_once(windows):
    sampler = make(windows, drop_last=False)
    first = stream(sampler, sampler.n_batches)
    second = stream(sampler, sampler.n_batches)
    for epoch in (first, second):
        assert sorted(epoch["row"]) == list(range(len(windows)))
    assert first["row"].tolist() != second["row"].tolist()
    assert sampler.state.epoch == 2
    for name in ("label", "score", "n_peaks", "target", "biotype", "chrom", "start", "end"):
        expected = windows[name].to_numpy()[first["row"]]
        np.testing.assert_array_equal(first[name].to_numpy(), np.asarray(expected))


def test_targets_and_biotypes_take_turns(windows):
    """In every round each target comes once; over all, each of its biotypes equally often."""
    sampler = make(windows, batch_size=5, balance=("target", "biotype"))
    drawn = stream(sampler, 600)
    rounds = drawn["target"].to_numpy().reshape(-1, 5)
    assert all(set(one) == set("ABCDE") for one in rounds)
    assert len({tuple(one) for one in rounds[:60]}) > 30
    for target, own in drawn.groupby("target"):
        counts = own["biotype"].value_counts()
        assert set(counts.index) == set(windows.loc[windows["target"] == target, "biotype"])
        assert counts.max() - counts.min() <= 1
    for _, own in drawn.groupby(["target", "biotype"]):
        counts = own["row"].value_counts()
        size = len(
            windows[
                (windows["target"] == own["target"].iloc[0])
                & (windows["biotype"] == own["biotype"].iloc[0])
            ]
        )
        assert counts.max() - (counts.min() if len(counts) == size else 0) <= 1
    places = pd.crosstab(drawn["target"], np.arange(len(drawn)) % 5).to_numpy()
    assert np.sum((places - 120) ** 2 / 120) < 16 + 4.5 * np.sqrt(2 * 16)


def test_kinds_come_in_proportion(windows):
    weights = {"peak": 2, "random": 1, "scoped": 1}
    sampler = make(windows, batch_size=8, balance=("target",), kind_weights=weights)
    drawn = stream(sampler, 200)
    kinds = windows["kind"].astype(str).to_numpy()[drawn["row"]]
    per_round = [Counter(one) for one in kinds.reshape(-1, 4)]
    assert all(one == weights for one in per_round)
    for kind in weights:
        own = drawn[kinds == kind]
        counts = own["target"].value_counts()
        assert set(counts.index) == set(windows.loc[windows["kind"] == kind, "target"])
        assert counts.max() - counts.min() <= 1
    only = stream(make(windows, kind_weights={"scoped": 1}, epoch_size=64), 4)
    assert set(windows["kind"].astype(str).to_numpy()[only["row"]]) == {"scoped"}


@settings(max_examples=25)
@given(st.integers(0, 2**63), st.integers(0, 40), st.integers(0, 20))
def test_stopped_anywhere_it_goes_on_as_if_it_had_not(windows, seed, n_before, n_after):
    options = {
        "seed": seed,
        "balance": ("target",),
        "shift_bp": (-3, 3),
        "reverse_complement": True,
        "epoch_size": 200,
    }
    whole = make(windows, **options)
    for _ in range(n_before):
        whole.next_batch()
    kept = json.loads(json.dumps(whole.state.to_dict()))
    resumed = make(windows, **options)
    resumed.restore(kept)
    for _ in range(n_after):
        one, two = whole.next_batch(), resumed.next_batch()
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)
    assert whole.state == resumed.state


@pytest.mark.parametrize("number", [1, 2, 3, 4, 12])
def test_workers_share_every_batch(windows, number):
    options = {
        "batch_size": 12,
        "balance": ("target", "biotype"),
        "shift_bp": (-2, 2),
        "reverse_complement": True,
    }
    columns = ["row", "start", "is_reversed"]
    alone = make(windows, **options)
    workers = [make(windows, shard=(i, number), **options) for i in range(number)]
    for _ in range(70):  # past the end of an epoch
        expected = stream(alone, 1)[columns]
        parts = [stream(worker, 1)[columns] for worker in workers]
        assert all(len(part) == 12 // number for part in parts)
        for i, part in enumerate(parts):
            pd.testing.assert_frame_equal(part, expected[i::number].reset_index(drop=True))
    assert {worker.state for worker in workers} == {alone.state}
    other = make(windows, shard=(0, 2), **options)
    other.restore(workers[0].state)  # resumed on another number of workers
    rows = alone.next_batch().row[0::2]
    np.testing.assert_array_equal(other.next_batch().row, rows)


def test_shifts_are_uniform_and_stay_inside(windows):
    """The seed system's shift inside a chrom; at its ends ours keeps every shift that fits.

    interval, chrom of 3,000 bp     seed system (0.5.6, 0.8.10)   here
    0-20                            0…2                           0…2
    1-21                            -1…2                          -1…2
    1000-1020                       -2…2                          -2…2
    2978-2998                       -2…1, the outermost is lost   -2…2
    2979-2999                       -2…0                          -2…1
    2980-3000                       -2…-1, -2…0                   -2…0
    2990-3010, -5-15                error, or beyond the end      an error that names them
    """
    drawn = stream(make(windows, shift_bp=(-2, 3)), 43 * 12)
    shift = drawn["start"] - windows["start"].to_numpy()[drawn["row"]]
    start = windows["start"].to_numpy()
    size = windows["chrom"].astype(str).map(SIZES).to_numpy()
    assert (drawn["end"] - drawn["start"] == WIDTH).all()
    for row in (0, 1, 3, 4):
        own = set(shift[drawn["row"] == row])
        assert own == {s for s in range(-2, 4) if 0 <= start[row] + s <= size[row] - WIDTH}
    middle = shift[
        (start[drawn["row"]] >= 2) & (start[drawn["row"]] + WIDTH + 3 <= size[drawn["row"]])
    ]
    counts = np.bincount(middle + 2, minlength=6)
    expected = counts.sum() / 6
    assert np.sum((counts - expected) ** 2 / expected) < 5 + 4.5 * np.sqrt(10)


def test_golden_shifts_and_strands_of_the_seed_system(shared):
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())["expected"]
    ours = {
        "[0,20)": (0, 2),
        "[1,21)": (-1, 2),
        "[1000,1020)": (-2, 2),
        "[2978,2998)": (-2, 2),
        "[2979,2999)": (-2, 1),
        "[2980,3000)": (-2, 0),
        "[2990,3010)": None,
        "[-5,15)": None,
    }
    (table,) = golden["shift_edges"].values()
    theirs = table["enformer-pytorch 0.8.10"]
    assert set(theirs) == set(ours)
    differ = set()
    for interval, expected in ours.items():
        start, end = map(int, interval.strip("[)").split(","))
        row = {"chrom": "chr1", "start": start, "end": end, "label": 1, "kind": "peak"}
        row |= {"score": 0.0, "n_peaks": 1, "experiment": "", "target": "", "biotype": ""}
        options = {"chromsizes": {"chr1": 3_000}, "seed": 1, "batch_size": 400, "epoch_size": 400}
        table = pd.DataFrame([row])
        if expected is None:
            with pytest.raises(BasewiseError, match="1 windows leave their chrom"):
                Sampler(table, shift_bp=(-2, 2), **options)
            continue
        sampler = Sampler(table, shift_bp=(-2, 2), reverse_complement=True, **options)
        examples = sampler.next_batch()
        shift = examples.start - start
        assert (shift.min(), shift.max()) == expected
        assert abs(int(examples.is_reversed.sum()) - 200) < 4.5 * 10
        if theirs[interval] != f"{expected[0]}..{expected[1]}":
            differ.add(interval)
    assert differ == {"[2978,2998)", "[2979,2999)"}
    counts = golden["shift_aug_counts_-2_2"]
    assert sorted(map(int, counts)) == [-2, -1, 0, 1, 2]
    assert sum(golden["rc"].values()) == 200


def test_golden_batch_of_the_seed_system(shared, windows):
    """Its batch: (2, 64, 4) bases, 2 proteins, 2 contexts, (2, 1) peaks and values, (2,) labels;
    1:1:1 positives, negatives and scoped ones. Here a column each, and the mix by kind_weights."""
    golden = json.loads((shared / "goldens" / "golden_tf_bind_data.json").read_text())["expected"]
    assert golden["batch"][3:] == ["Tensor(2, 1)", "Tensor(2, 1)", "Tensor(2,)"]
    sampler = make(windows, batch_size=2, kind_weights={"peak": 1, "scoped": 1})
    examples = sampler.next_batch()
    for name in ("n_peaks", "score", "label", "target", "biotype"):
        assert getattr(examples, name).shape == (2,)
    assert sorted(examples.label.tolist()) == [0, 1]


def test_bases_are_read_from_the_strand_drawn(windows):
    rng = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", np.uint8)
    genome = MemoryGenome({chrom: rng.choice(letters, size) for chrom, size in SIZES.items()})
    sampler = make(windows, batch_size=32, shift_bp=(-5, 5), reverse_complement=True)
    examples = sampler.next_batch()
    bases = read_bases(examples, genome)
    assert bases.shape == (32, WIDTH)
    assert 0 < examples.is_reversed.sum() < 32
    for i in range(32):
        own = genome.read(examples.chrom[i], int(examples.start[i]), int(examples.end[i]))
        expected = reverse_complement(own) if examples.is_reversed[i] else own
        np.testing.assert_array_equal(bases[i], expected)


def test_seeds_differ(windows):
    rows = {seed: tuple(make(windows, seed=seed).next_batch().row) for seed in range(5)}
    assert len(set(rows.values())) == 5


def test_states_of_other_samplers_are_refused(windows):
    state = make(windows).state
    for other in (
        make(windows, seed=4),
        make(windows, batch_size=8),
        make(windows, shift_bp=(-1, 1)),
        make(windows.iloc[1:]),
        make(windows.assign(score=windows["score"] + 1)),
    ):
        with pytest.raises(BasewiseError, match="the state is that of another sampler"):
            other.restore(state)
    sampler = make(windows)
    broken = SamplerState(state.seed, 0, 5, state.fingerprint)
    with pytest.raises(BasewiseError, match="between two batches; found 5"):
        sampler.restore(broken)
    with pytest.raises(BasewiseError, match="missing key sampler/seed"):
        sampler.restore({"epoch": 1, "position": 0, "fingerprint": ""})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance": ("targets",)}, "cannot be balanced by 'targets'. Did you mean 'target'?"),
        ({"kind_weights": {"hard": 1}}, "no window is of the kind 'hard'"),
        ({"kind_weights": {"peak": 0}}, "leaves no kind of window"),
        ({"kind_weights": {"peak": 0.5}}, "weight of kind 'peak' is no whole number"),
        ({"batch_size": 15, "shard": (0, 2)}, "cannot be shared out to worker 0 of 2"),
        ({"shard": (2, 2)}, "cannot be shared out to worker 2 of 2"),
        ({"batch_size": 1_000}, "an epoch is shorter than a batch; found 700 windows"),
        ({"shift_bp": (1, 2)}, "least and the greatest shift"),
        ({"chromsizes": {"a": 5_000}}, "windows leave their chrom or differ in width"),
        ({"chromsizes": {"a": 4_000, "b": 300}}, "windows leave their chrom or differ in width"),
    ],
)
def test_bad_input_is_one_line(windows, options, message):
    with pytest.raises(BasewiseError) as error:
        make(windows, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_tables_are_refused(windows):
    with pytest.raises(BasewiseError, match="lacks columns; found score"):
        make(windows.drop(columns="score"))
    with pytest.raises(BasewiseError, match="there are no windows"):
        make(windows.iloc[:0], batch_size=1)
    with pytest.raises(BasewiseError, match="1 windows leave their chrom or differ in width"):
        make(windows.assign(end=windows["end"].where(windows.index != 9, windows["end"] - 1)))
