"""Pairs with their embeddings: thinned, padded, missing."""

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.training.binding import pairs
from basewise.training.binding.pairs import Pair, PairTable, round_length, thin_residues

PROTEINS = {
    "A": np.arange(40.0).reshape(20, 2),
    "B": np.ones((3, 2)),
    "C": np.full((50, 2), 2.0),
}
CONTEXTS = {"cell": np.array([1.0, 2, 3]), "other": np.zeros(3)}


def make_table(*pairs, **settings) -> PairTable:
    return PairTable.of([Pair(*pair) for pair in pairs], PROTEINS, CONTEXTS, **settings)


def test_pairs_are_distinct_and_padded_alike():
    table = make_table(("B", "cell"), ("A", "cell"), ("A", "other"), ("B", "cell"))
    assert table.pairs == (("A", "cell"), ("A", "other"), ("B", "cell"))
    arrays = table.take([2, 0])
    assert arrays.protein.shape == (2, 24, 2)
    assert arrays.mask.sum(axis=1).tolist() == [3, 20]
    assert not arrays.protein[0, 3:].any()
    np.testing.assert_array_equal(arrays.protein[1, :20], PROTEINS["A"])
    np.testing.assert_array_equal(arrays.context[0], CONTEXTS["cell"])
    assert (table.protein_dim, table.context_dim) == (2, 3)


def test_numbers_are_places_and_unknown_pairs_are_named():
    table = make_table(("A", "cell"), ("B", "cell"))
    assert table.numbers(["B", "A", "B"], ["cell"] * 3).tolist() == [1, 0, 1]
    with pytest.raises(BasewiseError, match="A in other"):
        table.numbers(["A"], ["other"])


def test_a_target_without_protein_and_a_biotype_without_context_are_named():
    with pytest.raises(BasewiseError, match=r"target 'AB' has no protein.*Did you mean"):
        PairTable.of([Pair("AB", "cell")], {"ABC": PROTEINS["A"]}, CONTEXTS)
    with pytest.raises(BasewiseError, match=r"biotype 'cel' has no context.*'cell'"):
        make_table(("A", "cel"))
    assert make_table(("A", "cell")).context_dim == 3
    assert PairTable.of([Pair("A", "nowhere")], PROTEINS, None).take([0]).context is None


def test_proteins_beyond_the_room_in_memory_are_read_where_they_lie(monkeypatch):
    table, whole = (make_table(("A", "cell"), ("C", "cell"), residue_stride=3) for _ in range(2))
    expected = whole.take([0, 1])
    monkeypatch.setattr(pairs, "MOST_KEPT_BYTES", 100)
    for _ in range(2):
        for found, wanted in zip(table.take([0, 1]), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert list(table._held) == ["A"]
    assert table.fingerprint == whole.fingerprint


@pytest.mark.parametrize("n_residues", [1, 2, 15, 16, 17, 100, 1000, 2231])
@pytest.mark.parametrize("stride", [1, 8, 16])
def test_thinned_proteins_keep_a_residue_of_each_stride(n_residues, stride):
    protein = np.arange(n_residues)[:, None]
    kept = thin_residues(protein, stride=stride)[:, 0]
    assert len(kept) >= 1
    # nothing is further from a kept residue than the stride, so windows of neighbours leave no gap
    assert max(np.diff(kept), default=0) <= stride
    assert kept[0] <= stride // 2
    assert n_residues - kept[-1] <= stride
    assert len(thin_residues(protein, stride=stride, max_residues=10)) <= 10


@pytest.mark.parametrize("stride", [2, 8, 15])
def test_in_some_phase_a_protein_is_read_as_it_is_one_residue_further_on(stride):
    protein = np.arange(3.0 * stride)[:, None]
    shifted = np.concatenate([[[-1.0]], protein])
    kept = [thin_residues(shifted, stride=stride, phase=phase)[:, 0] for phase in range(stride)]
    for phase in range(stride):
        own = thin_residues(protein, stride=stride, phase=phase)[:, 0]
        read = kept[(phase + 1) % stride]
        np.testing.assert_array_equal(read[read >= 0][: len(own)], own)
    assert sorted(np.concatenate(kept)) == shifted[:, 0].tolist()


def test_phases_are_drawn_per_pair_and_other_ones_each_time():
    table = make_table(("A", "cell"), ("A", "other"), ("C", "cell"), residue_stride=8)
    draws = [table.take([0, 1, 2], np.random.default_rng(seed)) for seed in range(20)]
    firsts = {tuple(draw.protein[:2, 0, 0] / 2) for draw in draws}
    assert {first for pair in firsts for first in pair} == set(range(8))
    assert any(one != other for one, other in firsts)
    assert {draw.protein.shape for draw in draws} == {(3, 16, 2)}
    for draw in draws:  # as many residues as the phase leaves, and none of another protein
        assert draw.mask.sum(axis=1)[2] in (6, 7)
    again = table.take([0, 1, 2], np.random.default_rng(3))
    np.testing.assert_array_equal(again.protein, draws[3].protein)
    fixed = table.take([0])
    np.testing.assert_array_equal(fixed.protein, table.take([0]).protein)
    assert fixed.protein[0, 0, 0] / 2 == 4


@pytest.mark.parametrize(("stride", "unseen"), [(8, 0), (15, 7)])
def test_seven_neighbours_on_each_side_leave_so_many_unseen_at_most(stride, unseen):
    """What config/README.md says of residue_stride."""
    for n_residues in range(16, 300):
        kept = thin_residues(np.arange(n_residues)[:, None], stride=stride)
        seen = {int(place) + side for (place,) in kept for side in range(-7, 8)}
        assert set(range(n_residues - unseen)) <= seen


def test_padded_lengths_are_few_and_long_enough():
    lengths = {round_length(n) for n in range(1, 3000)}
    assert all(round_length(n) >= n for n in range(1, 3000))
    assert len(lengths) < 18
    assert round_length(16) == 16
    assert round_length(17) == 24
    assert round_length(25) == 32


def test_the_fingerprint_is_of_pairs_and_values():
    one = make_table(("A", "cell")).fingerprint
    assert one == make_table(("A", "cell")).fingerprint
    assert one != make_table(("B", "cell")).fingerprint
    assert one != make_table(("A", "other")).fingerprint
    assert one != make_table(("A", "cell"), residue_stride=4).fingerprint
    strided = make_table(("C", "cell"), residue_stride=4).fingerprint
    unread = PROTEINS["C"].copy()
    unread[3] = 0.0  # not in the middle of any four, but in another phase
    other = PairTable.of([Pair("C", "cell")], {"C": unread}, CONTEXTS, residue_stride=4)
    assert strided != other.fingerprint
