"""Embeddings on disk: encoded once, whole or absent, found by name."""

import logging
import re

import numpy as np
import pytest

from basewise.encoders import (
    build_encoder,
    check_pairs,
    describe_contexts,
    encode_biotypes,
    encode_targets,
    find_chains,
    read_biotypes,
    read_embeddings,
    write_embeddings,
)
from basewise.errors import BasewiseError
from basewise.peaks import Proteins
from basewise.peaks.proteins import Protein

CHAINS = {"CTCF": "MKVLA", "NFYA": "ACDEF", "NFYB": "GHI", "ABF1": "WWWW"}
PROTEINS = Proteins([Protein(gene, f"{gene}_HUMAN", chain) for gene, chain in CHAINS.items()])


@pytest.fixture
def encoded(tmp_path):
    """A directory with the indices of three targets and three biotypes."""
    targets = ["CTCF", "NFYA-B", "CTCF_S2ph"]
    encode_targets(
        targets, PROTEINS, build_encoder("physchem"), tmp_path / "cache", tmp_path / "p.tsv"
    )
    biotypes = describe_contexts(["K562", "liver", "HeLa"], {})
    encode_biotypes(biotypes, build_encoder("ngrams"), tmp_path / "cache", tmp_path / "c.tsv")
    return tmp_path


def test_what_is_written_is_read(encoded):
    proteins = read_embeddings(encoded / "p.tsv")
    encoder = build_encoder("physchem")
    assert sorted(proteins) == ["CTCF", "CTCF_S2ph", "NFYA-B"]
    assert (proteins.encoder, proteins.dim, len(proteins)) == ("physchem", 28, 3)
    assert [proteins.count_tokens(name) for name in ("CTCF", "NFYA-B")] == [5, 8]
    np.testing.assert_array_equal(proteins["CTCF"], encoder.encode(["MKVLA"])[0])
    np.testing.assert_array_equal(proteins["NFYA-B"], encoder.encode([("ACDEF", "GHI")])[0])
    assert isinstance(proteins["CTCF"], np.memmap)
    contexts = read_embeddings(encoded / "c.tsv")
    np.testing.assert_array_equal(contexts["K562"], build_encoder("ngrams").encode(["K562"])[0])
    assert contexts.count_tokens("K562") == 1


def test_one_file_per_chain_and_text(encoded):
    assert len(list((encoded / "cache").rglob("*.npy"))) == 3 + 3


def test_stacks_are_padded_and_masked(encoded):
    proteins = read_embeddings(encoded / "p.tsv")
    stacked, mask = proteins.stack(["CTCF", "NFYA-B"])
    assert stacked.shape == (2, 8, 28)
    np.testing.assert_array_equal(mask.sum(axis=1), [5, 8])
    assert not stacked[0, 5:].any()
    np.testing.assert_array_equal(stacked[0, :5], proteins["CTCF"])
    assert proteins.stack(["CTCF"], length=9)[0].shape == (1, 9, 28)
    with pytest.raises(BasewiseError, match="do not fit 4 tokens"):
        proteins.stack(["CTCF"], length=4)


def test_nothing_is_encoded_twice(encoded):
    def encode(encoder, targets):
        return encode_targets(targets, PROTEINS, encoder, encoded / "cache", encoded / "q.tsv")

    assert encode(build_encoder("physchem"), ["CTCF", "ABF1"]) == 1
    assert encode(build_encoder("physchem"), ["CTCF", "ABF1"]) == 0
    assert encode(build_encoder("physchem", neighbours=1), ["CTCF", "ABF1"]) == 2
    assert read_embeddings(encoded / "q.tsv").dim == 28 + 2 * 8
    assert read_embeddings(encoded / "p.tsv").dim == 28


def test_what_was_encoded_before_a_stop_is_kept(tmp_path):
    encoder = build_encoder("physchem")

    def stop_after_two(texts):
        for place, vectors in encoder.encode_each(texts):
            if place == 2:
                raise KeyboardInterrupt
            yield place, vectors

    items = {name: (chain,) for name, chain in CHAINS.items()}
    broken = type(encoder)(**{**vars(encoder), "encode_each": stop_after_two})
    with pytest.raises(KeyboardInterrupt):
        write_embeddings(items, broken, tmp_path / "cache", tmp_path / "p.tsv")
    assert not (tmp_path / "p.tsv").exists()
    assert write_embeddings(items, encoder, tmp_path / "cache", tmp_path / "p.tsv") == 2
    names = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(names) == 4
    assert all(re.fullmatch(r"[0-9a-f]{64}\.npy", name) for name in names)


def test_the_same_input_gives_the_same_files(encoded, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    encode_targets(
        ["CTCF_S2ph", "NFYA-B", "CTCF"],
        PROTEINS,
        build_encoder("physchem"),
        again / "cache",
        again / "p.tsv",
    )
    assert (again / "p.tsv").read_bytes() == (encoded / "p.tsv").read_bytes()


def test_values_that_are_not_finite_are_refused(tmp_path):
    encoder = build_encoder("physchem")
    bad = type(encoder)(
        **{**vars(encoder), "encode_each": lambda texts: iter([(0, np.array([[np.nan]]))])}
    )
    with pytest.raises(BasewiseError, match="not finite; found MKV"):
        write_embeddings({"a": ("MKV",)}, bad, tmp_path / "cache", tmp_path / "p.tsv")
    assert not list(tmp_path.rglob("*.*"))


def test_a_target_without_protein_is_named():
    with pytest.raises(BasewiseError, match=r"2 targets have no protein: CTCFL, X1.*'CTCF'"):
        find_chains(["CTCF", "CTCFL", "X1"], PROTEINS)
    assert find_chains(["NFYB-A"], PROTEINS) == {"NFYB-A": ("GHI", "ACDEF")}


def test_a_bad_protein_is_named_before_anything_is_written(tmp_path):
    items = {"good": ("MKV",), "bad": ("MKV", "M-V")}
    with pytest.raises(BasewiseError, match=r"bad holds a letter.*'-' at position 2"):
        write_embeddings(items, build_encoder("physchem"), tmp_path / "cache", tmp_path / "p.tsv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(BasewiseError, match="nothing to encode"):
        write_embeddings({}, build_encoder("physchem"), tmp_path / "cache", tmp_path / "p.tsv")


def test_pairs_that_lack_are_named_with_the_nearest(encoded):
    proteins, contexts = read_embeddings(encoded / "p.tsv"), read_embeddings(encoded / "c.tsv")
    check_pairs([("CTCF", "K562"), ("NFYA-B", "liver")], proteins, contexts)
    lacking = [("CTCF", "K562"), ("CTCF", "livre"), ("CTCFL", "K562")]
    with pytest.raises(BasewiseError, match=r"2 pairs .* CTCF in livre; found no 'livre'.*'liver'"):
        check_pairs(lacking, proteins, contexts)
    with pytest.raises(BasewiseError, match=r"'CTCFL' is not among.*'CTCF'"):
        proteins["CTCFL"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), "is gone"),
        (lambda file: file.write_bytes(file.read_bytes()[:-7]), "is damaged"),
        (lambda file: file.write_bytes(b""), "is damaged"),
        (lambda file: file.write_bytes(b"x" * 200), "is damaged"),
    ],
)
def test_damaged_files_are_refused(encoded, damage, words):
    row = (encoded / "p.tsv").read_text().splitlines()[1].split("\t")
    damage(encoded / row[4])
    with pytest.raises(BasewiseError, match=words):
        read_embeddings(encoded / "p.tsv")[row[0]]


@pytest.mark.parametrize("text", ["", "name\tfiles\n", "name\tencoder\ttokens\tdim\tfiles\n"])
def test_what_is_no_index_is_refused(tmp_path, text):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(BasewiseError, match=r"no index|empty or damaged"):
        read_embeddings(tmp_path / "p.tsv")
    with pytest.raises(BasewiseError, match="does not exist"):
        read_embeddings(tmp_path / "q.tsv")


def test_biotypes_go_by_what_is_known_of_them(tmp_path, caplog):
    table = tmp_path / "biotypes.csv"
    table.write_text("biotype,germ_layer,cellline_cat\nK562,mesoderm,blood\nK562,x,y\n")
    texts = read_biotypes(table)
    assert texts == {"K562": "K562 | mesoderm | blood"}
    assert read_biotypes(table, ["cellline_cat"]) == {"K562": "K562 | blood"}
    with caplog.at_level(logging.WARNING):
        described = describe_contexts(["K562", "liver"], texts)
    assert described == {"K562": "K562 | mesoderm | blood", "liver": "liver"}
    assert "1 of 2 biotypes" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("biotype\tgerm_layer\nK562\tmesoderm\n", "has no column cellline_cat"),
        ("name\n", "has no column biotype"),
        ("", "found an empty file"),
        ("biotype\tgerm_layer\tcellline_cat\nK562\tm\n", "line 2 has too few columns"),
    ],
)
def test_a_broken_table_of_biotypes_is_refused(tmp_path, text, words):
    (tmp_path / "biotypes.tsv").write_text(text)
    with pytest.raises(BasewiseError, match=words):
        read_biotypes(tmp_path / "biotypes.tsv")
    with pytest.raises(BasewiseError, match="does not exist"):
        read_biotypes(tmp_path / "other.tsv")
