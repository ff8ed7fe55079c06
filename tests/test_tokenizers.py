"""Tokenizers against the published vocabularies and against each other."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tokenizers import PAD_ID, TOKENIZERS, one_hot, pad_batch


@pytest.fixture(scope="module")
def golden(shared):
    with gzip.open(shared / "goldens" / "golden_tokenizers.json.gz") as stream:
        return json.load(stream)


@pytest.mark.parametrize("variant", TOKENIZERS)
def test_equals_the_published_tokenizer(golden, variant):
    tokenizer = TOKENIZERS[variant]
    compared = 0
    for case in golden["cases"]:
        if set(case["seq"]) <= set("ACGTN"):
            assert tokenizer.tokenize(case["seq"]).tolist() == case["ids"][variant], case["tag"]
            compared += 1
    assert compared > 150


def test_other_letters_are_refused_with_their_position(golden):
    refused = [case for case in golden["cases"] if not set(case["seq"]) <= set("ACGTN")]
    assert refused
    for case in refused:
        with pytest.raises(BasewiseError, match="illegal letter at position"):
            TOKENIZERS["v2_6mer"].tokenize(case["seq"])


def test_padded_batches_equal_the_published_ones(golden):
    for batch in golden["batches"]:
        rows = [TOKENIZERS[batch["variant"]].tokenize(seq) for seq in batch["seqs"]]
        if "error" in batch:
            with pytest.raises(BasewiseError, match="longer than the fixed length"):
                pad_batch(rows, batch["fixed_length"])
        else:
            assert pad_batch(rows, batch["fixed_length"]).tolist() == batch["ids"]


def test_padding_without_a_length_pads_to_the_longest():
    assert pad_batch([np.array([3, 7]), np.array([3])]).tolist() == [[3, 7], [3, PAD_ID]]


@given(st.text("ACGTN", max_size=80))
@pytest.mark.parametrize("variant", TOKENIZERS)
def test_spans_cover_the_sequence(variant, sequence):
    tokenizer = TOKENIZERS[variant]
    ids, starts = tokenizer.tokenize_with_spans(sequence)
    body, begins = ids[int(tokenizer.prepend_cls) :], starts[int(tokenizer.prepend_cls) :]
    lengths = np.diff(np.append(begins, len(sequence)))
    assert lengths.sum() == len(sequence)
    if tokenizer.k > 1:
        is_single = body >= tokenizer.letter_offset
        assert (lengths == np.where(is_single, 1, tokenizer.k)).all()


@given(st.text("ACGT", min_size=1, max_size=20))
@pytest.mark.parametrize("variant", TOKENIZERS)
def test_windows_equal_single_sequences(variant, unit):
    tokenizer = TOKENIZERS[variant]
    window = np.frombuffer((unit * tokenizer.k).encode(), np.uint8)
    batch = tokenizer.tokenize_batch(np.stack([window, window[::-1]]))
    assert batch[0].tolist() == tokenizer.tokenize(window).tolist()
    assert batch[1].tolist() == tokenizer.tokenize(window[::-1]).tolist()


def test_a_window_with_n_or_a_broken_length_is_refused():
    window = np.frombuffer(b"ACGTAN", np.uint8)[None]
    with pytest.raises(BasewiseError, match="position 5"):
        TOKENIZERS["v2_6mer"].tokenize_batch(window)
    with pytest.raises(BasewiseError, match="multiple of 6"):
        TOKENIZERS["v2_6mer"].tokenize_batch(window[:, :5])


def test_one_hot_order_and_n():
    rows = one_hot(np.frombuffer(b"ACGTN", np.uint8))
    assert rows[:4].tolist() == np.eye(4).tolist()
    assert rows[4].tolist() == [0, 0, 0, 0]
