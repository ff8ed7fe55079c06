"""Matched negatives: composition counted as by hand, quotas exact, errors that say what fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import Genome, MemoryGenome
from basewise.labels.starts import read_gene_starts
from basewise.peaks.negatives.allowed import find_allowed_starts
from basewise.peaks.negatives.composition import Composition, count_in_windows
from basewise.peaks.negatives.matched import draw_matched
from basewise.peaks.negatives.seeds import derive_rng


@given(st.integers(0, 999), st.integers(1, 30), st.integers(0, 40))
def test_windows_are_counted_as_by_hand(seed, width, n):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 5, 120, dtype=np.uint8)
    is_counted = np.isin(np.arange(256), [1, 3])
    starts = np.sort(rng.integers(0, 121 - width, n))
    found = count_in_windows(codes, is_counted, starts, width)
    by_hand = [int(is_counted[codes[s : s + width]].sum()) for s in starts]
    assert found.tolist() == by_hand


@pytest.fixture(scope="module")
def genome() -> MemoryGenome:
    """Two chroms whose GC drifts from 20 % to 80 %, with runs of N."""
    rng = np.random.default_rng(5)

    def chrom(size: int) -> np.ndarray:
        is_gc = rng.random(size) < np.linspace(0.2, 0.8, size)
        bases = np.where(rng.random(size) < 0.5, *np.where(is_gc, [[ord("G")], [ord("C")]], 65))
        bases[400:460] = ord("N")
        return bases.astype(np.uint8)

    return MemoryGenome({"a": chrom(30_000), "b": chrom(20_000)})


def gc_bin_of(genome, chrom: str, start: int, width: int, bins: int) -> int:
    text = genome.read(chrom, start, start + width).tobytes()
    n_bases = sum(text.count(base) for base in b"ACGT")
    return min((text.count(b"G") + text.count(b"C")) * bins // n_bases, bins - 1)


def test_negatives_have_the_gc_of_the_peaks(genome):
    width, n, bins = 50, 500, 10
    composition = Composition(("gc",), genome, gc_bins=bins)
    target = np.zeros(bins)
    target[[2, 3, 7]] = [1, 2, 1]
    avoid = {"a": np.array([[5_000, 9_000]]), "b": np.array([[0, 100]])}
    allowed = find_allowed_starts(genome.chromsizes, [avoid], width)
    ranks, match = draw_matched(allowed, target, n, derive_rng(1), composition=composition, step=3)
    assert len(np.unique(ranks)) == n
    assert match.l1_distance == 0
    found = [
        gc_bin_of(genome, allowed.chroms[c], int(s), width, bins)
        for c, s in zip(*allowed.locate(ranks), strict=True)
    ]
    assert np.bincount(found, minlength=bins).tolist() == (target * n / 4).tolist()
    assert {allowed.chroms[c] for c in allowed.locate(ranks)[0]} == {"a", "b"}
    again, _ = draw_matched(allowed, target, n, derive_rng(1), composition=composition, step=3)
    np.testing.assert_array_equal(again, ranks)
    odd, match = draw_matched(allowed, target, 501, derive_rng(1), composition=composition)
    assert len(odd) == 501
    assert 0 < match.l1_distance < 3 * 2 / 501


def test_candidates_are_the_same_in_pieces(genome, tmp_path, monkeypatch):
    """Bases are read from a piece's first window to its last, here of an indexed FASTA."""
    path = tmp_path / "genome.fa"
    bases = {chrom: genome.read(chrom, 0, size) for chrom, size in genome.chromsizes.items()}
    bases["a"][7_000:9_000] |= 32
    rows = [f">{chrom}\n{codes.tobytes().decode()}\n" for chrom, codes in bases.items()]
    path.write_text("".join(rows))
    composition = Composition(("gc", "repeats"), Genome(path), gc_bins=8)
    avoid = {"a": np.array([[5_000, 5_090], [29_000, 30_000]])}
    allowed = find_allowed_starts(genome.chromsizes, [avoid], 70)
    options = {"composition": composition, "step": 3, "when_short": "nearest"}
    target = np.arange(40)
    ranks, match = draw_matched(allowed, target, 900, derive_rng(2), **options)
    monkeypatch.setattr("basewise.peaks.negatives.matched.PIECE", 11)
    again, other = draw_matched(allowed, target, 900, derive_rng(2), **options)
    np.testing.assert_array_equal(again, ranks)
    np.testing.assert_array_equal(other.room, match.room)
    assert 0 <= match.room.sum() - allowed.n_starts // 3 <= 1
    assert composition.codes("a", np.empty(0), 70).tolist() == []


def test_every_candidate_of_a_bin_is_equally_likely(genome):
    width = 40
    composition = Composition(("gc",), genome, gc_bins=4)
    allowed = find_allowed_starts({"a": 600}, [], width)
    codes = composition.codes("a", np.arange(allowed.n_starts), width)
    target = np.array([2.0, 1.0, 0, 0])
    counts = np.zeros(allowed.n_starts)
    for seed in range(2_000):
        ranks, _ = draw_matched(
            allowed, target, 30, derive_rng(seed), composition=composition, step=1
        )
        counts[ranks] += 1
    for code, n in ((0, 20), (1, 10)):
        of_bin = counts[codes == code]
        freedom = len(of_bin) - 1
        expected = 2_000 * n / len(of_bin)
        shrink = (len(of_bin) - n) / freedom
        chi_square = np.sum((of_bin - expected) ** 2 / expected) / shrink
        assert abs(chi_square - freedom) < 4 * np.sqrt(2 * freedom), code
    assert not counts[codes > 1].any()
    assert (codes == composition.n_codes).any()  # windows of N alone, which are never drawn


def test_a_bin_that_is_short_is_an_error_or_goes_to_its_neighbours(genome):
    width = 50
    composition = Composition(("gc",), genome, gc_bins=10)
    allowed = find_allowed_starts(genome.chromsizes, [], width)
    target = np.zeros(10)
    target[[4, 9]] = 1
    options = {"composition": composition, "step": 1}
    with pytest.raises(BasewiseError, match=r"worst GC 0\.90 to 1\.00; found (\d+) cand") as error:
        draw_matched(allowed, target, 4_000, derive_rng(1), **options)
    room = int(str(error.value).split("found ")[1].split()[0])
    most = int(str(error.value).split("About ")[1].split()[0].replace(",", ""))
    assert most == 2 * room
    exact, match = draw_matched(allowed, target, most, derive_rng(1), **options)
    assert len(exact) == most
    assert match.l1_distance == 0
    nearest, match = draw_matched(
        allowed, target, 4_000, derive_rng(1), when_short="nearest", **options
    )
    assert len(np.unique(nearest)) == 4_000
    assert match.drawn[9] * 4_000 == pytest.approx(room)
    assert match.drawn[8] > 0
    assert match.l1_distance == pytest.approx(2 * (0.5 - room / 4_000))
    again, match = draw_matched(allowed, target, 4_000, derive_rng(1), replace=True, **options)
    assert len(again) == 4_000
    assert match.l1_distance == 0
    with pytest.raises(BasewiseError, match=r"do not fit; found \d+.* candidates in all"):
        draw_matched(allowed, target, 10**6, derive_rng(1), when_short="nearest", **options)
    with pytest.raises(BasewiseError, match="no peaks to match"):
        draw_matched(allowed, np.zeros(10), 5, derive_rng(1), **options)


def test_distance_to_gene_starts_and_repeats(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(">a\n" + "acgt" * 25 + "ACGT" * 225 + "\n>b\n" + "ACGT" * 50 + "\n")
    tss = {"a": np.array([300, 700])}
    composition = Composition(
        ("repeats", "tss"), Genome(path), tss, repeat_bins=2, tss_edges_bp=(50, 200)
    )
    starts = np.array([0, 60, 290, 480, 900])
    middles, repeats = starts + 10, [1, 1, 0, 0, 0]
    distances = [min(abs(m - 300), abs(m - 700)) for m in middles]
    expected = [
        3 * r + (0 if d < 50 else 1 if d < 200 else 2)
        for r, d in zip(repeats, distances, strict=True)
    ]
    assert composition.codes("a", starts, 20).tolist() == expected
    assert composition.codes("b", np.array([5]), 20).tolist() == [2]
    assert composition.describe(4) == "repeats 0.50 to 1.00, 50 to 200 bp to a gene start"


def test_gene_starts_follow_the_strand(tmp_path):
    path = tmp_path / "genes.gtf"
    row = '{}\tx\tgene\t{}\t{}\t.\t{}\t.\tgene_id "{}";\n'
    rows = [
        ("a", 11, 20, "+", 1),
        ("a", 31, 50, "-", 2),
        ("b", 1, 5, "-", 3),
        ("a", 11, 9 + 9, "+", 4),
    ]
    path.write_text("".join(row.format(*values) for values in rows))
    starts = read_gene_starts(path, {"a": 100, "b": 10, "c": 10})
    assert {chrom: values.tolist() for chrom, values in starts.items()} == {
        "a": [10, 49],
        "b": [4],
        "c": [],
    }
    path.write_text('a\tx\texon\t11\t20\t.\t+\t.\tgene_id "1";\n')
    with pytest.raises(BasewiseError, match="has no gene"):
        read_gene_starts(path, {"a": 100})


def test_gene_starts_across_the_origin_of_a_circular_chrom(tmp_path):
    row = "a\tx\t{}\t{}\t{}\t.\t{}\t.\t{}\n"
    path = tmp_path / "genes.gff3"
    path.write_text(
        row.format("region", 1, 100, "+", "ID=a;Is_circular=true")
        + row.format("gene", 91, 120, "+", "ID=g")
        + row.format("gene", 81, 130, "-", "ID=h")
    )
    assert read_gene_starts(path, {"a": 100})["a"].tolist() == [29, 90]


@pytest.mark.parametrize(
    ("features", "options", "message"),
    [
        (("gc_content",), {}, "unknown feature 'gc_content'"),
        ((), {}, "match names no feature"),
        (("gc",), {}, "needs the genome"),
        (("tss",), {}, "needs an annotation with genes"),
        (("repeats",), {"sequences": MemoryGenome({"a": "ACGT"})}, "soft-masked FASTA"),
        (("gc",), {"sequences": MemoryGenome({"a": "ACGT"}), "gc_bins": 0}, "gc_bins must be"),
    ],
)
def test_what_cannot_be_matched_is_said_at_once(features, options, message):
    with pytest.raises(BasewiseError, match=message):
        Composition(features, **options)
