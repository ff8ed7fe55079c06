"""Training windows: where they may lie, what they hold, the same for the same step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import MemoryGenome, reverse_complement
from basewise.training.windows import WindowSource

ELEMENTS = ("exon", "intron")
CONTEXT = 50


def make_source(**options):
    rng = np.random.default_rng(1)
    bases = rng.choice(np.frombuffer(b"ACGT", np.uint8), 1000)
    bases[300:340] = ord("N")
    bases[600:602] = ord("N")
    genome = MemoryGenome({"a": bases, "b": bases[:120], "tiny": bases[:10]})
    labels = {
        "exon": {"a": np.array([[100, 160], [700, 720]]), "b": np.array([[0, 5]])},
        "intron": {"a": np.array([[160, 200]])},
    }
    return genome, WindowSource.from_genome(
        genome, labels, ELEMENTS, context_bp=CONTEXT, **{"max_ambiguous_run_bp": 5, **options}
    )


def truth(source, chrom, start):
    expected = np.zeros((CONTEXT, 2), np.uint8)
    for column, element in enumerate(ELEMENTS):
        for low, high in source.labels[element].get(chrom, np.empty((0, 2), int)):
            for position in range(max(low, start), min(high, start + CONTEXT)):
                expected[position - start, column] = 1
    return expected


def places_of(genome, window):
    """Every (chrom, start, is_turned) that a window could be read from."""
    found = []
    for chrom, size in genome.chromsizes.items():
        for start in range(size - CONTEXT + 1):
            bases = genome.read(chrom, start, start + CONTEXT)
            bases = np.where(bases == ord("N"), ord("A"), bases).astype(np.uint8)
            for is_turned, read in ((False, bases), (True, reverse_complement(bases))):
                if (read == window).all():
                    found.append((chrom, start, is_turned))
    return found


def test_labels_follow_the_window_on_both_strands():
    genome, source = make_source()
    batch = source.draw(np.random.default_rng(0), 12)
    turned = 0
    for bases, labels, is_scored in zip(*batch, strict=True):
        if not is_scored.all():
            continue
        candidates = []
        for chrom, start, is_turned in places_of(genome, bases):
            expected = truth(source, chrom, start)
            candidates.append((expected[::-1] if is_turned else expected).tolist())
            turned += is_turned
        assert labels.tolist() in candidates
    assert turned > 0


def test_windows_avoid_long_gaps_and_mask_short_ones():
    _, source = make_source()
    assert source.regions["a"].tolist() == [[0, 300], [340, 1000]]
    masked = 0
    for seed in range(40):
        batch = source.draw(np.random.default_rng(seed), 8)
        np.testing.assert_array_equal(batch.is_scored, batch.bases != ord("N"))
        assert (~batch.is_scored).sum(axis=1).max() <= 2
        masked += (~batch.is_scored).sum()
    assert masked > 0


def test_every_start_that_holds_a_window_is_counted():
    _, source = make_source()
    chroms, _, counts = source._allowed_starts
    assert chroms == ["a", "a", "b"]
    assert counts.tolist() == [300 - 49, 660 - 49, 120 - 49]


def test_the_same_step_gives_the_same_batch():
    _, source = make_source()
    first, second = (source.draw(np.random.default_rng([3, 7]), 5) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(1, 9))
def test_a_sweep_sees_every_whole_window_once(batch_size):
    _, source = make_source()
    batches = list(source.sweep(batch_size))
    assert all(len(batch.bases) == batch_size for batch in batches[:-1])
    assert sum(len(batch.bases) for batch in batches) == 300 // 50 + 660 // 50 + 120 // 50


def test_chroms_and_excluded_intervals_limit_the_regions():
    _, source = make_source(chroms=["b"], exclude={"b": np.array([[60, 70]])})
    assert {chrom: rows.tolist() for chrom, rows in source.regions.items()} == {
        "b": [[0, 60], [70, 120]]
    }


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(BasewiseError, match="chrom z is not in the genome"):
        make_source(chroms=["z"])
    _, source = make_source(chroms=["tiny"])
    with pytest.raises(BasewiseError, match="no stretch of the training chroms"):
        source.draw(np.random.default_rng(0), 1)
