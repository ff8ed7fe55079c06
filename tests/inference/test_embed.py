"""Embeddings of language models: batches, padding, pools, windows, strands, likelihoods."""

import functools
import json
import math
import subprocess
import sys

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import basewise
from basewise.checkpoints.store import load_language_model
from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome
from basewise.inference.embedding import load_embedder
from basewise.inference.embedding.windows import cut_windows

TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def embedder(language_model):
    return basewise.load(language_model, batch_size=3)


def assert_close(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=TOLERANCE * 10)


def reverse(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


@functools.cache
def load_bare(checkpoint):
    """A model, its parameters and its compiled inspect."""
    model, params, _ = load_language_model(checkpoint)
    names = ("layers", "attention", "logits", "is_padded")
    with jax.default_matmul_precision("highest"):
        return model, params, jax.jit(model.inspect, static_argnames=names)


def bare(checkpoint, text: str, **picks) -> dict:
    """The model applied to one sequence, with no batch and no padding."""
    model, params, inspect = load_bare(checkpoint)
    tokens = model.tokenizer.tokenize(text)[None]
    outputs = inspect(params, tokens, **{"logits": False, **picks})
    return {name: np.asarray(value)[0] for name, value in outputs.items()}


def test_each_sequence_is_as_if_it_were_alone(embedder, language_model, random_bases):
    texts = [random_bases(seed, length) for seed, length in enumerate([45, 13, 45, 7])]
    picks = {"layers": (1, 3), "attention": ((2, 0), (3, 1))}
    out = embedder.embed(texts, **picks, logits=True)
    assert out["n_tokens"].tolist() == [16, 6, 16, 4]
    for row, text in enumerate(texts):
        alone = bare(language_model, text, **picks, logits=True)
        n = out["n_tokens"][row]
        for name in ("embeddings_1", "embeddings_3", "logits"):
            assert_close(out[name][row, :n], alone[name])
            assert np.isnan(out[name][row, n:]).all()
        for name in ("attention_2_0", "attention_3_1"):
            assert_close(out[name][row, :n, :n], alone[name])
            assert np.isnan(out[name][row, n:]).all()
            assert np.isnan(out[name][row, :, n:]).all()
    assert out["embeddings_1"].dtype == np.float32
    assert np.nanstd(out["embeddings_3"]) > 0.1


def test_many_lengths_are_padded_to_few(embedder, language_model, random_bases, monkeypatch):
    lengths = [24, 27, 30, 33, 36, 39, 42, 45, 48]
    texts = [random_bases(length, length) for length in lengths]
    sizes = set()
    observe = type(embedder.programs).observe

    def spy(self, rows, request, size, *, is_padded):
        sizes.add((size, is_padded))
        return observe(self, rows, request, size, is_padded=is_padded)

    monkeypatch.setattr(type(embedder.programs), "observe", spy)
    out = embedder.embed(texts, layers=[2])
    assert len(set(out["n_tokens"].tolist())) > 8
    assert len(sizes) < 6
    assert all(is_padded for _, is_padded in sizes)
    for row in (0, 7, len(texts) - 1):
        n = out["n_tokens"][row]
        assert_close(out["embeddings_2"][row, :n], bare(language_model, texts[row], layers=(2,))[
            "embeddings_2"])  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 4])
def test_batches_change_no_byte_on_cpu(embedder, language_model, random_bases, batch_size):
    if jax.default_backend() != "cpu":
        pytest.skip("rows are batched on accelerators")
    texts = [random_bases(seed, 30 + seed % 2) for seed in range(5)]
    request = {"layers": [3], "likelihood": True}
    other = basewise.load(language_model, batch_size=batch_size).embed(texts, **request)
    for name, value in embedder.embed(texts, **request).items():
        np.testing.assert_array_equal(other[name], value)


def test_two_devices_give_the_values_of_one(embedder, language_model, random_bases, two_devices):
    texts = [random_bases(seed, 50) for seed in range(3)]
    code = (
        "import sys, json, numpy as np, basewise, jax\n"
        "assert len(jax.local_devices()) == 2\n"
        "model = basewise.load(sys.argv[1], batch_size=1)\n"
        "out = model.embed(json.loads(sys.argv[2]), layers=[2])\n"
        "sys.stdout.buffer.write(out['embeddings_2'].tobytes())\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(language_model), json.dumps(texts)],
        env=two_devices,
        capture_output=True,
        check=True,
    )
    expected = embedder.embed(texts, layers=[2])["embeddings_2"]
    values = np.frombuffer(result.stdout, np.float32).reshape(expected.shape)
    assert_close(values, expected)


def test_pools(embedder, random_bases):
    texts = [random_bases(1, 40), random_bases(2, 61)]
    tokens = embedder.embed(texts, layers=[1, 3])
    for pool in ("mean", "cls", "mean_non_special"):
        pooled = embedder.embed(texts, layers=[1, 3], pool=pool)
        for layer in (1, 3):
            for row in range(2):
                values = tokens[f"embeddings_{layer}"][row, : tokens["n_tokens"][row]]
                expected = {
                    "mean": values.mean(axis=0),
                    "cls": values[0],
                    "mean_non_special": values[1:].mean(axis=0),
                }
                assert_close(pooled[f"embeddings_{layer}"][row], expected[pool])


@given(st.integers(1, 500), st.integers(2, 60), st.data())
def test_windows_own_every_token_once(n_tokens, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows = cut_windows(n_tokens, size, overlap)
    owned = [t for w in windows for t in range(w.own_first, w.own_last)]
    assert owned == list(range(n_tokens))
    for window in windows:
        assert 0 <= window.first <= window.own_first
        assert window.own_last <= window.last <= n_tokens
        assert window.last - window.first == min(size, n_tokens)
        for token in range(window.own_first, window.own_last):
            margin = min(token - window.first, window.last - 1 - token)
            for other in windows:
                if other.first <= token < other.last and token not in (0, n_tokens - 1):
                    best = min(token - other.first, other.last - 1 - token)
                    is_end = window.first == 0 or window.last == n_tokens
                    assert margin >= best - 1 or is_end


def test_windows_read_what_one_piece_would(embedder, language_model, random_bases):
    """Each token of a long sequence comes from the window in which it lies most centrally."""
    text = random_bases(3, 300)
    out = embedder.embed(text, layers=[3], long="window", overlap_bp=30, logits=True)
    limit, k = 39, 3
    assert out["n_tokens"][0] == 101
    windows = cut_windows(100, limit, 10)
    assert len(windows) == 4
    cls = []
    for window in windows:
        piece = bare(language_model, text[window.first * k : window.last * k], layers=(3,))
        own = slice(window.own_first, window.own_last)
        inner = slice(1 + own.start - window.first, 1 + own.stop - window.first)
        assert_close(out["embeddings_3"][0, 1:][own], piece["embeddings_3"][inner])
        cls.append(piece["embeddings_3"][0])
    assert_close(out["embeddings_3"][0, 0], np.mean(cls, axis=0))
    for pool, expected in (
        ("mean", out["embeddings_3"][0].mean(axis=0)),
        ("cls", out["embeddings_3"][0, 0]),
        ("mean_non_special", out["embeddings_3"][0, 1:].mean(axis=0)),
    ):
        pooled = embedder.embed(text, layers=[3], long="window", overlap_bp=30, pool=pool)
        assert_close(pooled["embeddings_3"][0], expected)


def test_windows_change_nothing_for_what_fits(embedder, random_bases):
    text = random_bases(4, 100)
    request = {"layers": [1, 2], "likelihood": True}
    whole, cut = (embedder.embed(text, **request, long=how) for how in ("refuse", "window"))
    for name in whole:
        np.testing.assert_array_equal(whole[name], cut[name])


def test_a_longer_piece_can_be_allowed(embedder, language_model, random_bases):
    text = random_bases(5, 150)
    out = embedder.embed(text, layers=[2], max_tokens=51)
    assert_close(out["embeddings_2"][0], bare(language_model, text, layers=(2,))["embeddings_2"])


def test_regions_of_both_strands(embedder, random_bases):
    text = random_bases(6, 200)
    genome = MemoryGenome({"c": text})
    regions = [("c", 20, 60, "+"), ("c", 20, 60, "-"), ("c", 20, 60)]
    out = embedder.embed_regions(genome, regions, layers=[2], likelihood=True)
    direct = embedder.embed([text[20:60], reverse(text[20:60])], layers=[2], likelihood=True)
    for row, source in ((0, 0), (1, 1), (2, 0)):
        for name in ("embeddings_2", "tokens", "base_log_likelihood", "log_likelihood"):
            np.testing.assert_array_equal(out[name][row], direct[name][source])
    assert out["strand"].tolist() == ["+", "-", "+"]
    starts, ends = out["token_start"], out["token_end"]
    assert (starts[0, 0], ends[0, 0], starts[1, 0], ends[1, 0]) == (20, 20, 60, 60)
    assert (starts[0, 1], ends[0, 1], starts[1, 1], ends[1, 1]) == (20, 23, 57, 60)
    tokenizer = embedder.programs.model.tokenizer
    for row, read in ((0, str), (1, reverse)):
        for token, start, end in zip(out["tokens"][row, 1:], starts[row, 1:], ends[row, 1:],
                                     strict=True):  # fmt: skip
            assert tokenizer.tokenize(read(text[start:end]))[1] == token


def test_n_is_a_token_of_its_own_and_said_so(embedder, language_model, random_bases, caplog):
    text = random_bases(7, 20) + "NR" + random_bases(8, 20)
    out = embedder.embed(text.lower(), layers=[2], likelihood=True)
    n = out["n_tokens"][0]
    assert n == 1 + 8 + 2 + 8
    spans = np.stack([out["token_start"][0], out["token_end"][0]], axis=1)[:n]
    assert spans[0].tolist() == [0, 0]
    assert spans[9:11].tolist() == [[20, 21], [21, 22]]
    np.testing.assert_array_equal(spans[2:, 0], spans[1:-1, 1])
    alone = bare(language_model, text.replace("R", "N"), layers=(2,))["embeddings_2"]
    assert_close(out["embeddings_2"][0], alone)
    assert np.isnan(out["base_log_likelihood"][0, 20:22]).all()
    assert np.isfinite(out["base_log_likelihood"][0, :20]).all()
    assert out["n_scored_bp"][0] == 40
    assert "has N or an IUPAC code at base 20" in caplog.text
    assert "tokens no longer lie every 3 bp" in caplog.text
    with pytest.raises(BasewiseError, match=r"1:0-42\(\+\).*at base 20 as read.*found such"):
        embedder.embed(text, layers=[2], ambiguous="refuse")


def naive_scores(checkpoint, text: str) -> np.ndarray:
    """Each token masked in turn, one call of the model each."""
    model, params, inspect = load_bare(checkpoint)
    tokens = model.tokenizer.tokenize(text)
    scores = []
    for position in range(1, tokens.size):
        masked = tokens.copy()
        masked[position] = 2
        logits = inspect(params, masked[None])["logits"][0, position]
        logits = np.asarray(logits, np.float64)
        scores.append(logits[tokens[position]] - np.log(np.exp(logits).sum()))
    return np.array(scores)


@pytest.mark.parametrize("kind", ["rotary", "learned with token dropout"])
def test_likelihood_equals_a_loop_over_masks(
    language_model, make_language_model, random_bases, kind
):
    checkpoint = language_model
    if kind != "rotary":
        checkpoint = make_language_model(token_dropout=True, masking_ratio=0.15)
    text = random_bases(9, 32)
    out = basewise.load(checkpoint, batch_size=4).embed([text, text[:9]], likelihood=True)
    expected = naive_scores(checkpoint, text)
    assert len(expected) == 12
    assert_close(out["token_log_likelihood"][0, 1:], expected)
    assert np.isnan(out["token_log_likelihood"][0, 0])
    spans = [3] * 10 + [1, 1]
    assert_close(out["base_log_likelihood"][0], np.repeat(expected / spans, spans))
    assert_close(out["log_likelihood"][0], expected.sum())
    assert_close(out["log_likelihood"][1], naive_scores(checkpoint, text[:9]).sum())
    assert out["n_scored_bp"].tolist() == [32, 9]
    assert expected.std() > 0.1


def test_masking_many_at_once_is_close_and_exact_at_the_limit(embedder, random_bases):
    text = random_bases(10, 90)
    exact = embedder.embed(text, likelihood=True)
    same = embedder.embed(text, likelihood=True, mask_every=1000)
    assert_close(same["token_log_likelihood"], exact["token_log_likelihood"])
    rough = embedder.embed(text, likelihood=True, mask_every=10)["token_log_likelihood"][0, 1:]
    error = np.abs(rough - exact["token_log_likelihood"][0, 1:])
    assert 0 < error.mean() < 0.3 * exact["token_log_likelihood"][0, 1:].std()


def test_likelihood_in_windows_is_that_of_the_windows(embedder, language_model, random_bases):
    text = random_bases(11, 180)
    out = embedder.embed(text, likelihood=True, long="window", overlap_bp=60)
    for window in cut_windows(60, 39, 20):
        alone = naive_scores(language_model, text[window.first * 3 : window.last * 3])
        own = slice(window.own_first - window.first, window.own_last - window.first)
        given = out["token_log_likelihood"][0, 1 + window.own_first : 1 + window.own_last]
        assert_close(given, alone[own])
    assert out["n_scored_bp"][0] == 180
    assert math.isfinite(out["log_likelihood"][0])


def test_a_segmentation_model_embeds_with_its_trunk(tiny_checkpoint, random_bases):
    model = basewise.load(tiny_checkpoint)
    text = random_bases(12, 120)
    assert model.predict(text).shape == (1, 120, 3)
    out = model.embed(text, layers=[1, 2], attention=[(1, 0)])
    assert_close(out["embeddings_2"][0], bare(tiny_checkpoint, text, layers=(2,))["embeddings_2"])
    assert out["attention_1_0"].shape == (1, 21, 21)
    with pytest.raises(BasewiseError, match=r"tiny cannot give logits.*no vocabulary head"):
        model.embed(text, logits=True)
    with pytest.raises(BasewiseError, match="tiny cannot give a likelihood"):
        model.embed(text, likelihood=True)


def test_a_language_model_has_no_tracks(embedder, language_model):
    with pytest.raises(BasewiseError, match=r"has no tracks to predict.*Use embed"):
        embedder.predict("ACGT")
    with pytest.raises(BasewiseError, match="neither tracks nor strands"):
        basewise.load(language_model, tracks=["exon"])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "nothing is asked for"),
        ({"layers": [0]}, r"no such layer; found 0\. Layers are numbered 1 to 3"),
        ({"layers": [4]}, "no such layer; found 4"),
        ({"layers": [2, 2]}, "a layer is asked for twice"),
        ({"attention": [(1, 3)]}, r"no such attention head in layer 1; found 3.*0 to 2"),
        ({"attention": [(1, -1)]}, "no such attention head"),
        ({"attention": [(9, 0)]}, "no such layer; found 9"),
        ({"layers": [1], "pool": "max"}, "unknown pool; found 'max'"),
        ({"logits": True, "pool": "mean"}, "only embeddings can be pooled"),
        ({"layers": [1], "long": "cut"}, "unknown long"),
        ({"layers": [1], "mask_every": 3}, "about the likelihood"),
        ({"likelihood": True, "mask_every": 1}, "mask_every must be at least 2; found 1"),
        ({"layers": [1], "max_tokens": 30}, r"too long for small, which reads 30 tokens"),
        ({"layers": [1], "max_tokens": 30, "long": "window", "overlap_bp": 90}, "shorter than a"),
        ({"attention": [(1, 1)], "max_tokens": 30, "long": "window"}, "no attention map"),
    ],
)
def test_requests_that_cannot_be_answered(embedder, random_bases, request_, message):
    with pytest.raises(BasewiseError, match=message):
        embedder.embed(random_bases(13, 99), **request_)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["ACGT", "ACXT"], r"sequence 2 has an illegal letter at position 2; found 'X'"),
        (["ACGT", ""], "sequence 2 is empty"),
        ([], "no sequence"),
        (["A" * 200], r"1:0-200\(\+\) \(1\) is too long for small.*found 69 tokens, 200 bp"),
    ],
)
def test_sequences_that_cannot_be_read(embedder, sequences, message):
    with pytest.raises(BasewiseError, match=message):
        embedder.embed(sequences, layers=[1])


def test_learned_positions_end_where_they_end(make_language_model, random_bases):
    model = basewise.load(make_language_model())
    assert model.embed(random_bases(14, 117), layers=[1])["n_tokens"][0] == 40
    with pytest.raises(BasewiseError, match="too long"):
        model.embed(random_bases(14, 120), layers=[1])
    with pytest.raises(BasewiseError, match=r"cannot read more than 40 tokens.*max_tokens 41"):
        model.embed(random_bases(14, 120), layers=[1], max_tokens=41)
    with pytest.raises(BasewiseError, match="reads at most 40 tokens; found 41"):
        model.embed_tokens(np.full((1, 41), 9), layers=[1])
    lengths = [30, 50, 70, 80, 90, 95, 100, 105, 110, 117]
    out = model.embed([random_bases(n, n) for n in lengths], layers=[1])
    assert np.isfinite(out["embeddings_1"][-1]).all(), "no size exceeds the positions there are"


@pytest.mark.parametrize("token", [75, -1])
def test_ids_without_a_row_are_refused(embedder, token):
    tokens = np.full((2, 5), 9)
    tokens[1, 3] = token
    with pytest.raises(BasewiseError, match=rf"from 0 to 74.*found {token} at \(1, 3\)"):
        embedder.embed_tokens(tokens, layers=[1])


def test_a_tokenizer_of_another_model_is_refused(make_language_model):
    with pytest.raises(BasewiseError, match=r"ids up to 4106.*alphabet_size 75"):
        make_language_model("v2_6mer")


def test_values_that_are_not_finite_end_the_run(language_model, tmp_path, random_bases):
    from basewise.checkpoints.store import save_checkpoint

    _, params, config = load_language_model(language_model)
    params["edges"]["nucleotide_transformer/~/embed"]["embeddings"][74] = np.nan
    save_checkpoint(tmp_path / "broken", config, params)
    model = basewise.load(tmp_path / "broken")
    assert np.isfinite(model.embed("ACG" * 9, layers=[1])["embeddings_1"]).all()
    with pytest.raises(BasewiseError, match=r"values at 1:0-28\(\+\) are not finite"):
        model.embed("ACG" * 9 + "N", layers=[1])


def test_rescaled_positions_are_never_padded_past_the_trained_length(make_language_model):
    folder = make_language_model(
        use_rotary_embedding=True, positional_embedding=None, rescaling_factor=1.5
    )
    model = load_embedder(folder).programs.model
    assert model.context_tokens == 61
    assert [model.padded_size(n) for n in (30, 57, 61, 62, 75)] == [32, 61, 61, 62, 75]


def test_bfloat16_is_close(embedder, language_model, random_bases):
    text = random_bases(15, 90)
    exact = embedder.embed(text, layers=[3])["embeddings_3"]
    half = basewise.load(language_model, precision="bfloat16").embed(text, layers=[3])
    error = np.abs(half["embeddings_3"] - exact)
    assert 0 < error.mean() < 0.05
