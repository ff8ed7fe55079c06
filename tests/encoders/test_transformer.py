"""Encoders with weights: batches, lengths, layers and pooling; what cannot be is refused."""

import jax
import numpy as np
import pytest

from basewise.checkpoints.store import load_checkpoint
from basewise.encoders import build_encoder, transformer
from basewise.encoders.tokens import ResidueIds, Specials, WordPieces, cut, split_words
from basewise.errors import BasewiseError
from basewise.models.zoo.encoders import ESM_VOCABULARY

ESM_IDS = {token: i for i, token in enumerate(ESM_VOCABULARY)}
NAMES = ["esm2_t6_8M", "esm1b", "prot_albert", "pubmedbert"]
ITEMS = {name: ["MKVLA", "ACDEFGHIKLMNPQRSTVWY" * 2, "W", "MK"] for name in NAMES}
ITEMS["pubmedbert"] = ["K562", "liver | k k k", "strange", "k"]


@pytest.fixture(scope="module")
def checkpoints(make_encoder):
    return {name: make_encoder(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_batches_and_padding_change_nothing(checkpoints, name):
    together = build_encoder(checkpoints[name], batch_size=3).encode(ITEMS[name])
    alone = build_encoder(checkpoints[name], batch_size=1)
    for item, found in zip(ITEMS[name], together, strict=True):
        np.testing.assert_allclose(found, alone.encode([item])[0], atol=2e-5)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("esm2_t6_8M", [5, 31, 1, 2]), ("esm1b", [5, 31, 1, 2]), ("prot_albert", [7, 32, 3, 4])],
)
def test_each_gives_its_tokens(checkpoints, name, rows):
    encoder = build_encoder(checkpoints[name], kind="protein")
    assert [found.shape for found in encoder.encode(ITEMS[name])] == [(n, 8) for n in rows]
    assert encoder.max_length == {"prot_albert": 30}.get(name, 31)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_beyond_the_limit_is_not_read(checkpoints, name):
    letter, other = ("k ", "| ") if name == "pubmedbert" else ("K", "A")
    encoder = build_encoder(checkpoints[name], max_tokens=8)
    first, second = encoder.encode([letter * 20, letter * 10 + other * 10])
    np.testing.assert_array_equal(first, second)


def test_a_job_takes_the_card_it_was_promised(checkpoints, monkeypatch):
    asked = []

    def select_devices(*arguments, **promise):
        asked.append((*arguments, promise))
        return jax.local_devices()

    monkeypatch.setattr(transformer, "select_devices", select_devices)
    place = {"platform": "gpu", "threads": 2, "promised_devices": 1}
    build_encoder(checkpoints["esm1b"], **place).encode(["MK", "W"])
    assert asked == [("gpu", {"threads": 2, "promised": 1})]
    build_encoder("physchem", **place).encode(["MK"])
    assert len(asked) == 1


def test_layers_and_pooling_differ(checkpoints):
    vectors = [
        build_encoder(checkpoints["pubmedbert"], pooling=pooling, layer=layer).encode(["K562"])[0]
        for pooling in ("cls", "mean")
        for layer in (1, 2)
    ]
    assert all(vector.shape == (8,) for vector in vectors)
    assert len({vector.tobytes() for vector in vectors}) == 4


def test_keys_tell_settings_apart(checkpoints):
    def key(name, text="K", **settings):
        return build_encoder(checkpoints[name], **settings).key(text)

    keys = [
        key("pubmedbert"),
        key("pubmedbert", pooling="mean"),
        key("pubmedbert", layer=1),
        key("pubmedbert", max_tokens=9),
        key("pubmedbert", precision="bfloat16"),
        key("pubmedbert", text="L"),
        key("esm1b"),
        build_encoder("ngrams").key("K"),
        build_encoder("ngrams", dim=8).key("K"),
        build_encoder("physchem").key("K"),
        build_encoder("physchem_window").key("K"),
        build_encoder("table", names=["K", "L"]).key("K"),
        build_encoder("table", names=["K", "M"]).key("K"),
    ]
    assert len(set(keys)) == len(keys)
    assert key("pubmedbert") == key("pubmedbert", batch_size=2)


def test_weights_are_read_only_when_something_is_encoded(checkpoints, tmp_path):
    (tmp_path / "config.json").write_text((checkpoints["esm1b"] / "config.json").read_text())
    encoder = build_encoder(tmp_path)
    assert encoder.key("M") == build_encoder(checkpoints["esm1b"]).key("M")
    with pytest.raises(BasewiseError, match="does not exist"):
        encoder.encode(["M"])


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("esm1b", {"kind": "text"}, "esm1b does not encode text; found an encoder of proteins"),
        ("pubmedbert", {"kind": "protein"}, "pubmedbert does not encode proteins"),
        ("esm1b", {"layer": 3}, "no such layer; found 3"),
        ("esm1b", {"max_tokens": 65}, r"max_tokens 65.*at most 64"),
        ("esm2_t6_8M", {"max_tokens": 2}, "It is at least 3"),
        ("pubmedbert", {"pooling": "max"}, "unknown pooling"),
        ("pubmedbert", {"precision": "float16"}, "unknown precision"),
        ("esm1b", {"dim": 3}, "has no setting dim"),
    ],
)
def test_what_it_cannot_do_is_refused(checkpoints, name, settings, words):
    with pytest.raises(BasewiseError, match=words):
        build_encoder(checkpoints[name], **settings)


def test_models_of_dna_are_no_encoders(tiny_checkpoint, checkpoints):
    with pytest.raises(BasewiseError, match=r"is not an encoder.*found tiny, a segment_nt"):
        build_encoder(tiny_checkpoint)
    with pytest.raises(BasewiseError, match="esm1b has no tracks"):
        load_checkpoint(checkpoints["esm1b"])


def test_shared_layers_look_the_same_from_all_sides(checkpoints):
    """One program computes ALBERT's layers for embed, another for inspect."""
    from basewise.checkpoints.config import read_config
    from basewise.checkpoints.store import load_parameters
    from basewise.models.nucleotide_transformer import build_trunk

    trunk = build_trunk(read_config(checkpoints["prot_albert"])["architecture"])
    params = load_parameters(checkpoints["prot_albert"])
    tokens = np.array([[2, 5, 6, 7, 3, 0]], np.int32)
    seen = trunk.inspect(params, tokens, layers=(1, 2), logits=False)
    for layer in (1, 2):
        found = trunk.embed(params, tokens, n_layers=layer)
        np.testing.assert_allclose(seen[f"embeddings_{layer}"], found, atol=1e-5)


@pytest.mark.parametrize("n", [1, 3, 29, 30, 31, 32, 50])
def test_both_ways_to_cut(n):
    specials = Specials(start=100, end=101, pad=102, unknown=103)
    esm = cut(range(n), specials, 32, cuts_end=True)
    assert esm == [100, *range(n), 101][:32]
    other = cut(range(n), specials, 32, cuts_end=False)
    assert other == [100, *range(min(n, 30)), 101]


def test_residues_are_found_as_letters_or_words():
    assert ResidueIds(ESM_IDS)("LAGVX") == [4, 5, 6, 7, 24]
    assert ResidueIds(ESM_IDS)("BUZOJ") == [25, 26, 27, 28, 24]
    words = {"[CLS]": 0, "▁A": 1, "▁X": 2, "▁K": 3, "▁U": 4}
    assert ResidueIds(words, read_as_x="UZOB")("AKUXW") == [1, 3, 2, 2, 2]
    with pytest.raises(BasewiseError, match="not one of proteins"):
        ResidueIds({"the": 0})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("K562 | Liver", ["k562", "|", "liver"]),
        ("Café\tau\nlait", ["cafe", "au", "lait"]),
        ("hela,cells.", ["hela", ",", "cells", "."]),
        ("a中b", ["a", "中", "b"]),
        ("x\x00\u200by", ["xy"]),
        ("  ", []),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


def test_the_longest_known_piece_comes_first():
    ids = {"k": 0, "##5": 1, "##56": 2, "##2": 3, "[UNK]": 4, "##62": 5}
    pieces = WordPieces(ids, Specials(9, 9, 9, unknown=4))
    assert pieces("K562 k5") == [0, 2, 3, 0, 1]
    assert pieces("k7 k") == [4, 0]
    assert pieces("k" + "5" * 100) == [4]
