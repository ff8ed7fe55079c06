"""The motif baseline finds planted sites; counting and scoring equal plain definitions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.evaluation.binding.motifs import (
    MotifSettings,
    cut_middle,
    learn_motif,
    learn_motifs,
)
from basewise.evaluation.binding.sites import count_kmers, fit_weights, score_sites

TURN = str.maketrans("ACGT", "TGCA")
texts = st.lists(st.text("ACGTN", min_size=6, max_size=14), min_size=1, max_size=6)


def codes_of(rows) -> np.ndarray:
    width = min(map(len, rows))
    return np.array([["ACGTN".index(base) for base in row[:width]] for row in rows], np.uint8)


@given(texts)
def test_kmers_are_counted_once_per_window_on_either_strand(rows):
    codes, k = codes_of(rows), 3
    counts = count_kmers(codes, k)
    width = codes.shape[1]
    for number in range(4**k):
        kmer = "".join("ACGT"[number >> 2 * (k - 1 - i) & 3] for i in range(k))
        turned = kmer.translate(TURN)[::-1]
        smaller = min(kmer, turned)
        holds = sum(kmer in row[:width] or turned in row[:width] for row in rows)
        assert counts[number] == (holds if kmer == smaller else 0)


@given(texts, st.integers(0, 1000))
def test_scores_are_those_of_all_sites(rows, seed):
    codes = codes_of(rows)
    weights = np.random.default_rng(seed).normal(size=(4, 4))
    found = score_sites(codes, weights)
    for row, (best, total) in zip(codes, found, strict=True):
        scores = []
        for start in range(len(row) - 3):
            site = row[start : start + 4]
            if (site == 4).any():
                scores += [-1e9, -1e9]
                continue
            scores.append(sum(weights[i, base] for i, base in enumerate(site)))
            scores.append(sum(weights[i, 3 - base] for i, base in enumerate(site[::-1])))
        assert best == pytest.approx(max(scores))
        if max(scores) > -1e8:
            expected = np.log(np.mean(np.exp(scores)))
            assert total == pytest.approx(expected)


def test_strands_score_alike():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (20, 30)).astype(np.uint8)
    weights = rng.normal(size=(6, 4))
    turned = np.ascontiguousarray(3 - codes[:, ::-1])
    np.testing.assert_allclose(score_sites(codes, weights), score_sites(turned, weights))


def plant(rng, n, site, width=60, share=0.9) -> np.ndarray:
    codes = rng.integers(0, 4, (n, width)).astype(np.uint8)
    for row in codes[: int(n * share)]:
        at = int(rng.integers(20, 30))
        own = np.where(rng.random(len(site)) < 0.05, rng.integers(0, 4, len(site)), site)
        row[at : at + len(site)] = own if rng.random() < 0.5 else 3 - own[::-1]
    return codes


SITE = np.array(["ACGT".index(base) for base in "TGACTCAGG"])


def test_a_planted_site_is_found_and_told_from_chance():
    rng = np.random.default_rng(1)
    settings = MotifSettings(middle_bp=40)
    motif = learn_motif("X", plant(rng, 200, SITE), plant(rng, 200, SITE, share=0), settings)
    assert "TGACTCAGG" in motif.consensus.upper() or "CCTGAGTCA" in motif.consensus.upper()
    bound, unbound = plant(rng, 200, SITE), plant(rng, 200, SITE, share=0)
    assert np.median(motif.score(bound)) > np.quantile(motif.score(unbound), 0.95)
    assert motif.auprc > 0.9


def test_fitting_keeps_log_odds_finite_where_bases_are_unknown():
    codes = np.full((5, 20), 4, np.uint8)
    weights = fit_weights(codes, SITE[:6], np.full(4, 0.25), iterations=3, flank=2)
    assert np.isfinite(weights).all()


def test_targets_with_one_label_only_have_no_motif():
    rng = np.random.default_rng(2)
    rows = {"A": plant(rng, 60, SITE), "B": plant(rng, 30, SITE)}
    codes = np.concatenate([*rows.values()])
    table = pd.DataFrame(
        {
            "target": ["A"] * 60 + ["B"] * 30,
            "label": [1] * 30 + [0] * 30 + [1] * 30,
            "at": range(90),
        }
    )
    found = learn_motifs(table, lambda chosen: codes[chosen["at"].to_numpy()])
    assert list(found) == ["A"]
    with pytest.raises(BasewiseError, match="no target has bound and unbound"):
        learn_motifs(table.iloc[60:], lambda chosen: codes[chosen["at"].to_numpy()])


def test_middles():
    codes = np.arange(10, dtype=np.uint8)[None]
    assert cut_middle(codes, 4).tolist() == [[3, 4, 5, 6]]
    assert cut_middle(codes, None) is not None
    assert cut_middle(codes, 30).shape == (1, 10)
