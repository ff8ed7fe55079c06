"""Batches of windows and pairs: the same for the same step, with the labels of the windows."""

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.models.binding.trunks import build_dna_trunk
from basewise.training.binding.bound import BoundPlaces
from basewise.training.binding.data import list_pairs, open_pairs, read_windows
from basewise.training.binding.examples import (
    PREVALENCE_STEPS,
    Sampling,
    WindowExamples,
    choose_pairs,
)
from basewise.training.binding.pairs import Pair, PairTable

TURN = str.maketrans("ACGT", "TGCA")
SHIFTED = Sampling(shift_bp=(-3, 3))


@pytest.fixture(scope="module")
def windows(toy):
    return read_windows(toy / "windows", "train", extent=True)


@pytest.fixture(scope="module")
def pairs(toy, windows):
    return open_pairs(list_pairs(windows), toy / "proteins.tsv", toy / "contexts.tsv")


@pytest.fixture(scope="module")
def make(windows, pairs, genome, facts):
    """A function (sampling, changes) -> examples."""

    def make(sampling=SHIFTED, **changes) -> WindowExamples:
        trunk = build_dna_trunk(facts.TRUNK)
        settings = {"batch_size": 8, "accumulate": 2, "seed": 3} | changes
        return WindowExamples(windows, pairs, trunk, genome, sampling=sampling, **settings)

    return make


def test_a_batch_is_a_function_of_its_step(make):
    one, other = (make() for _ in range(2))
    other.draw(5)
    for step in (7, 0, 200):
        for a, b in zip(one.draw(step), other.draw(step), strict=True):
            assert (a is None and b is None) or np.array_equal(a, b)
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != make(seed=4).fingerprint


def test_each_step_thins_proteins_in_other_phases(windows, toy, genome, facts):
    stride = 8
    table = open_pairs(
        list_pairs(windows), toy / "proteins.tsv", toy / "contexts.tsv", residue_stride=stride
    )
    whole = open_pairs(list_pairs(windows), toy / "proteins.tsv", toy / "contexts.tsv").take([0, 1])
    settings = {"sampling": SHIFTED, "batch_size": 8, "seed": 3}
    one, other = (
        WindowExamples(windows, table, build_dna_trunk(facts.TRUNK), genome, **settings)
        for _ in range(2)
    )
    seen = set()
    for step in range(12):
        batch, again = one.draw(step), other.draw(step)
        np.testing.assert_array_equal(batch.protein, again.protein)
        for pair, protein in enumerate(batch.protein[0]):
            begins = [
                phase
                for phase in range(stride)
                if np.array_equal(protein[:2], whole.protein[pair, phase : phase + 9 : stride])
            ]
            assert begins
            seen.update(begins)
    assert len(seen) > stride // 2


def test_shapes_and_own_pairs(make, facts):
    batch = make().draw(0)
    assert batch.inputs.shape == (2, 8, facts.WIDTH)
    assert batch.protein.shape[:2] == batch.mask.shape[:2] == batch.context.shape[:2] == (2, 2)
    assert batch.target.shape == batch.own.shape == (2, 8)
    assert batch.weight is None
    assert ((batch.read_value > 0) == (batch.target == 1)).all()


def test_labels_are_those_of_the_sequence(make, pairs, facts):
    """What a window is bound by stands in it, on one strand or the other."""
    batch = make().draw(1)
    numbers = {tuple(row.round(4).ravel()): i for i, row in enumerate(pairs.take([0, 1]).protein)}
    for part in range(2):
        for window in range(8):
            text = "".join("ACGTN"[code] for code in batch.inputs[part, window])
            pair = numbers[tuple(batch.protein[part, batch.own[part, window]].round(4).ravel())]
            site = facts.SITES[pairs.pairs[pair].target]
            has = site in text or site.translate(TURN)[::-1] in text
            assert has == bool(batch.target[part, window])


def test_all_pairs_of_a_batch_are_labelled(make, pairs, facts):
    batch = make(replace(SHIFTED, pairing="batch")).draw(1)
    assert batch.target.shape == batch.weight.shape == (2, 2, 8)
    assert batch.weight.all()  # a factor's site is in a window's middle, or nowhere in it
    for part in range(2):
        for window in range(8):
            text = "".join("ACGTN"[code] for code in batch.inputs[part, window])
            for place in range(2):
                same = [
                    i
                    for i in range(2)
                    if np.array_equal(pairs.take([0, 1]).protein[i], batch.protein[part, place])
                ]
                site = facts.SITES[pairs.pairs[same[0]].target]
                has = site in text or site.translate(TURN)[::-1] in text
                assert has == bool(batch.target[part, place, window])


def test_the_prevalence_is_that_of_all_known_labels(make):
    examples = make(replace(SHIFTED, pairing="batch"))
    batches = [examples.draw(step) for step in range(PREVALENCE_STEPS)]
    known = np.concatenate([batch.target[batch.weight > 0] for batch in batches])
    assert examples.prevalence == pytest.approx(known.mean())
    assert 0 < examples.prevalence < 0.5
    assert make().prevalence is None


def test_places_are_bound_near_a_peak_and_unknown_further_off(windows, pairs):
    places = BoundPlaces.of(windows, pairs, 10, 40)
    bound = windows[(windows["label"] == 1) & (windows["target"] == "TOYA")].iloc[0]
    centre = (bound["start"] + bound["end"]) // 2
    at = np.array([centre, centre + 10, centre - 11, centre + 40, centre + 41])
    number = pairs.numbers(["TOYA"], ["cell"])
    label, weight = places.label(["one"] * 5, at, number)
    assert label[0].tolist() == [1, 1, 0, 0, 0]
    assert weight[0].tolist() == [1, 1, 0, 0, 1]
    with pytest.raises(BasewiseError, match="bound_within_bp"):
        BoundPlaces.of(windows, pairs, 50, 40)


def make_peaks(rows, width: int) -> pd.DataFrame:
    """Windows around the middles of peaks: chrom, target, biotype, peak_start, peak_end."""
    names = ["chrom", "target", "biotype", "peak_start", "peak_end"]
    peaks = pd.DataFrame(rows, columns=names)
    start = (peaks["peak_start"] + peaks["peak_end"]) // 2 - width // 2
    return peaks.assign(start=start, end=start + width, label=1)


def number_pairs(rows) -> PairTable:
    """A table of the pairs of rows, with no embeddings to speak of."""
    nothing = {row[i]: np.zeros((1, 1)) for row in rows for i in (1, 2)}
    return PairTable.of([Pair(*row[1:3]) for row in rows], nothing, None)


def test_a_window_inside_a_wide_peak_is_not_unbound():
    """A peak of 1.5 kb, and a window of ReMap's width 300 bp from its middle."""
    rows = [("one", "POLR2A", "K562", 10_000, 11_500), ("one", "CTCF", "K562", 50_000, 50_200)]
    pairs = number_pairs(rows)
    places = BoundPlaces.of(make_peaks(rows, 256), pairs, 50, 256)
    middles = np.array([10_750, 10_801, 11_050, 11_627, 11_628, 9_873, 9_872])
    label, weight = places.label(["one"] * 7, middles, pairs.numbers(["POLR2A"], ["K562"]))
    assert label[0].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert weight[0].tolist() == [1, 0, 0, 0, 1, 0, 1]
    label, weight = places.label(["one"], middles[:1], pairs.numbers(["CTCF"], ["K562"]))
    assert (label[0, 0], weight[0, 0]) == (0, 1)


def test_where_a_modified_form_binds_the_target_is_not_unbound():
    rows = [
        ("one", "ESR1", "MCF-7", 1_000, 1_200),
        ("one", "ESR1_S118ph", "MCF-7", 5_000, 5_200),
        ("one", "ESR1", "MCF-7_E2", 9_000, 9_200),
    ]
    pairs = number_pairs(rows)
    places = BoundPlaces.of(make_peaks(rows, 100), pairs, 10, 100)
    numbers = pairs.numbers(*zip(*(row[1:3] for row in rows), strict=True))
    label, weight = places.label(["one"] * 3, np.array([1_100, 5_100, 9_100]), numbers)
    assert label.tolist() == np.eye(3).tolist()
    assert weight.tolist() == [[1, 0, 1], [0, 1, 1], [1, 1, 1]]


def test_a_dropped_peak_is_neither_bound_nor_not():
    rows = [
        ("one", "CTCF", "K562", 1_000, 1_200),
        ("one", "CTCF_p", "K562", 5_000, 5_200),
        ("one", "MYC", "K562", 9_000, 9_200),
    ]
    pairs = number_pairs(rows)
    dropped = pd.DataFrame(
        [("one", 9_000, 9_200, "CTCF", "K562"), ("two", 9_900, 9_999, "CTCF", "K562"),
         ("one", 3_000, 3_100, "CTCF", "HepG2")],
        columns=["chrom", "start", "end", "target", "biotype"],
    )  # fmt: skip
    places = BoundPlaces.of(make_peaks(rows, 100), pairs, 10, 100, dropped)
    numbers = pairs.numbers(*zip(*(row[1:3] for row in rows), strict=True))
    middles = np.array([3_050, 8_950, 8_951, 9_100, 9_249, 9_250, 9_950])
    label, weight = places.label(["one"] * 7, middles, numbers)
    assert weight[:2].tolist() == [[1, 1, 0, 0, 0, 1, 1]] * 2
    assert not label[:2].any()
    assert label[2].tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_a_table_of_many_pairs_and_scaffolds_has_no_place_bound_but_its_own():
    """5,000 pairs times 900 scaffolds: more than a number of 2^62 had room for."""
    rows = [(f"s{i % 900}", f"T{i}", "cell", 700, 900) for i in range(5_000)]
    pairs = number_pairs(rows)
    windows = make_peaks(rows, 100).astype(
        {"chrom": pd.CategoricalDtype([f"s{i}" for i in range(900)])}
    )
    places = BoundPlaces.of(windows, pairs, 50, 100)
    for row in (0, 899, 4_999):
        own = pairs.numbers([rows[row][1]], ["cell"])
        label, weight = places.label(
            [rows[row][0], "s7", "s899"], np.array([800, 10**6, 10**6]), own
        )
        assert label[0].tolist() == [1, 0, 0]
        assert weight.all()


def label_by_hand(peaks, pair, chrom, centres, within, beyond, width):
    """What `BoundPlaces.label` says of windows for one pair, peak by peak."""
    is_bound, is_unclear = (np.zeros(len(centres), bool) for _ in range(2))
    start = centres - width // 2
    for row in peaks.itertuples():
        if row.chrom != chrom or row.biotype != pair.biotype:
            continue
        distance = np.abs(centres - (row.start + row.end) // 2)
        if row.target == pair.target:
            is_bound |= distance <= within
        if row.target.partition("_")[0] == pair.target.partition("_")[0]:
            is_unclear |= distance <= beyond
            is_unclear |= (start < row.peak_end) & (start + width > row.peak_start)
    return is_bound, is_bound | ~is_unclear


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["one", "two"]),
            st.sampled_from(["A", "A_p", "B"]),
            st.sampled_from(["x", "y"]),
            st.integers(20, 200),
            st.integers(1, 90),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 30),
    st.integers(0, 10),
    st.integers(0, 40),
)
def test_labels_are_those_of_every_peak_by_hand(peaks, width, within, more):
    rows = [(*names, start, start + size) for *names, start, size in peaks]
    pairs = number_pairs(rows)
    table = make_peaks(rows, width)
    places = BoundPlaces.of(table, pairs, within, within + more)
    centres = np.arange(0, 350, 3)
    for chrom in sorted({row[0] for row in rows}):
        label, weight = places.label([chrom] * len(centres), centres, np.arange(len(pairs)))
        for number, pair in enumerate(pairs.pairs):
            expected = label_by_hand(table, pair, chrom, centres, within, within + more, width)
            assert np.array_equal((label[number], weight[number]), expected)


def test_chosen_pairs_hold_each_windows_own():
    numbers = np.array([[5, 5, 2, 9], [1, 1, 1, 1]])
    used, own = choose_pairs(numbers)
    np.testing.assert_array_equal(np.take_along_axis(used, own, axis=1), numbers)
    assert used.shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pairing": "batches"}, "Did you mean 'batch'"),
        ({"shift_bp": (1,)}, "least and the greatest"),
    ],
)
def test_bad_sampling_is_named(changes, said):
    with pytest.raises(BasewiseError, match=said):
        Sampling(**changes)


def test_splits_that_are_missing_empty_or_foreign(toy, tmp_path, windows):
    with pytest.raises(BasewiseError, match=r"no windows of split 'vlid'.*'valid'"):
        read_windows(toy / "windows", "vlid")
    windows.iloc[:0].to_parquet(tmp_path / "valid.parquet")
    with pytest.raises(BasewiseError, match=r"split 'valid'.*is empty"):
        read_windows(tmp_path, "valid")
    pd.DataFrame({"chrom": ["one"]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(BasewiseError, match="no table of windows"):
        read_windows(tmp_path, "train")


def test_windows_of_before_peaks_had_an_extent_are_refused_where_it_matters(tmp_path, windows):
    windows.drop(columns=["peak_start", "peak_end"]).to_parquet(tmp_path / "train.parquet")
    assert len(read_windows(tmp_path, "train")) == len(windows)
    with pytest.raises(BasewiseError, match=r"how far peaks reach.*forcerun make_windows"):
        read_windows(tmp_path, "train", extent=True)


def test_batches_are_arrays_that_devices_take(make):
    leaves = jax.tree.leaves(make().draw(0))
    assert all(leaf.dtype in (np.uint8, np.float32, np.int32, bool) for leaf in leaves)
