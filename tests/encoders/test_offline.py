"""Encoders without weights: what they say of residues and words, the same everywhere."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.encoders import ContextTable, build_encoder
from basewise.encoders.residues import LETTERS, RESIDUES, STAND_FOR, clean_protein
from basewise.encoders.scales import N_SCALES, SCALES, residue_table
from basewise.errors import BasewiseError

proteins = st.text(alphabet=sorted(LETTERS), min_size=1, max_size=40)


def test_every_scale_tells_residues_apart():
    table = residue_table()
    own = table[[ord(letter) for letter in RESIDUES]]
    np.testing.assert_array_equal(own[:, :20], np.eye(20))
    np.testing.assert_allclose(own[:, 20:].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(own[:, 20:].std(axis=0), 1, rtol=1e-5)
    assert all(len(values) == 20 for values in SCALES.values())


@pytest.mark.parametrize(
    ("scale", "most", "least"),
    [
        ("hydropathy", "I", "R"),
        ("volume", "W", "G"),
        ("polarity", "D", "L"),
        ("helix", "E", "GP"),
        ("sheet", "V", "E"),
        ("turn", "NG", "I"),
        ("charge", "KR", "DE"),
    ],
)
def test_scales_are_in_the_order_of_the_residues(scale, most, least):
    values = np.array(SCALES[scale])
    assert {RESIDUES[i] for i in np.flatnonzero(values == values.max())} == set(most)
    assert {RESIDUES[i] for i in np.flatnonzero(values == values.min())} == set(least)


def test_letters_that_stand_for_others():
    table = residue_table()
    np.testing.assert_allclose(table[ord("B")], (table[ord("D")] + table[ord("N")]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(table[ord("U")], table[ord("C")])
    assert not table[ord("X")].any()
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == LETTERS
    assert set(STAND_FOR) == set("BJOUXZ")


@given(proteins, st.integers(0, 4))
def test_neighbours_are_those_beside(protein, neighbours):
    encoder = build_encoder("physchem", neighbours=neighbours)
    (found,) = encoder.encode([protein])
    assert found.shape == (len(protein), encoder.dim)
    assert found.dtype == np.float32
    alone = build_encoder("physchem").encode([protein])[0]
    np.testing.assert_array_equal(found[:, : alone.shape[1]], alone)
    offsets = [offset for offset in range(-neighbours, neighbours + 1) if offset]
    for number, offset in enumerate(offsets):
        first = alone.shape[1] + number * N_SCALES
        for i in range(len(protein)):
            beside = i + offset
            expected = alone[beside, 20:] if 0 <= beside < len(protein) else np.zeros(N_SCALES)
            np.testing.assert_array_equal(found[i, first : first + N_SCALES], expected)


def test_chains_of_a_complex_are_encoded_alone():
    encoder = build_encoder("physchem_window")
    apart = encoder.encode(["MKV", "ACDE"])
    (together,) = encoder.encode([("MKV", "ACDE")])
    np.testing.assert_array_equal(together, np.concatenate(apart))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("MK1V", "protein 1 holds a letter that is no amino acid; found '1' at position 3"),
        ("MK*V", "found '\\*' at position 3"),
        ("", "protein 1 is an empty protein"),
        ((), "protein 1 has no protein"),
        ("mkß", "at position 3"),
    ],
)
def test_what_is_no_protein_is_refused(item, words):
    with pytest.raises(BasewiseError, match=words):
        build_encoder("physchem").encode([item])


def test_lower_case_and_a_closing_stop_are_read():
    assert clean_protein("mkv*", "x") == "MKV"


def test_ngrams_are_the_same_everywhere():
    vector = build_encoder("ngrams").encode(["K562"])[0]
    assert vector.shape == (256,)
    assert hashlib.sha256((vector * 1000).round().astype("<i4").tobytes()).hexdigest()[:8] == DIGEST


DIGEST = "a6cb8937"


def test_ngrams_of_alike_texts_are_alike():
    encoder = build_encoder("ngrams", dim=512)
    first, second, case, other = encoder.encode(["MCF-7", "MCF-7_E2", " mcf-7", "liver"])
    assert first @ second > 0.5 > abs(first @ other)
    np.testing.assert_array_equal(first, case)
    np.testing.assert_allclose(np.linalg.norm([first, second, other], axis=1), 1, rtol=1e-5)


@given(st.text(min_size=1, max_size=20).filter(str.strip), st.integers(1, 300), st.integers(0, 9))
def test_any_text_has_a_vector(text, dim, seed):
    (vector,) = build_encoder("ngrams", dim=dim, seed=seed).encode([text])
    assert vector.shape == (dim,)
    assert np.isfinite(vector).all()


def test_a_table_gives_each_context_its_row():
    encoder = build_encoder("table", names=["liver", "K562", "liver"])
    assert encoder.dim == 2
    np.testing.assert_array_equal(encoder.encode(["liver", "K562"]), [[0, 1], [1, 0]])
    with pytest.raises(BasewiseError, match=r"no row for a context; found 'lever'.*'liver'"):
        encoder.encode(["lever"])
    np.testing.assert_array_equal(ContextTable.of(["b", "a"]).ids(["a", "b", "b"]), [0, 1, 1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build_encoder("physchm"), r"unknown encoder; found 'physchm'.*'physchem'"),
        (lambda: build_encoder("physchem", kind="text"), "does not encode text"),
        (lambda: build_encoder("ngrams", kind="protein"), "does not encode proteins"),
        (lambda: build_encoder("ngrams", layer=2), r"no setting layer; found 2.*dim, seed"),
        (lambda: build_encoder("physchem", neighbours=-1), "at least 0"),
        (lambda: build_encoder("table"), "at least one"),
        (lambda: build_encoder("some/where"), "is not the checkpoint of an encoder"),
        (lambda: build_encoder("ngrams").encode([" "]), "text 1 is an empty text"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(BasewiseError, match=words):
        call()
