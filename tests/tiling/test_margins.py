"""Windows that read more than they predict: what a core may be, and what is read beside it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import complement, intersect, mask_of, runs_of, subtract
from basewise.tiling import (
    TileSpec,
    cut_tiles,
    find_scorable,
    find_scorable_between,
    read_tiles,
    tile_regions,
    write_tiles,
)

MARGIN, PREDICTED = 48, 64
PLAIN = TileSpec(128, halo_bp=16, length_multiple_bp=32, alphabet="onehot", k=1)
MARGINAL = TileSpec(
    PREDICTED + 2 * MARGIN,
    halo_bp=MARGIN + 12,
    length_multiple_bp=8,
    alphabet="onehot",
    k=1,
    margin_bp=MARGIN,
)
BARE = TileSpec(
    PREDICTED + 2 * MARGIN, MARGIN, length_multiple_bp=8, alphabet="onehot", k=1, margin_bp=MARGIN
)
BINNED = TileSpec(
    160, halo_bp=64, resolution_bp=8, length_multiple_bp=16, alphabet="onehot", k=1, margin_bp=48
)
SPECS = [PLAIN, MARGINAL, BARE, BINNED]
MAX_RUN = 5


@st.composite
def chroms(draw):
    """Sequences with runs of N, of lengths around those of what windows read and predict."""
    lengths = st.one_of(
        st.integers(0, 400),
        st.sampled_from([1, PREDICTED - 1, PREDICTED, PREDICTED + 1, 160, 161, 128, 40, 41]),
    )
    pieces = draw(st.lists(st.tuples(lengths, st.sampled_from([0, 1, 5, 6, 70])), max_size=4))
    return np.frombuffer(b"".join(b"C" * n + b"N" * gap for n, gap in pieces), np.uint8)


def cover_of(size, intervals):
    counts = np.zeros(size, int)
    for start, end in intervals:
        counts[start:end] += 1
    return counts


@given(chroms(), st.sampled_from(SPECS))
@example(np.full(1, ord("C"), np.uint8), MARGINAL)
def test_every_scorable_base_is_in_one_core_that_its_window_predicts(bases, spec):
    scorable = find_scorable(bases, spec, max_ambiguous_run_bp=MAX_RUN)
    tiles = list(tile_regions("c", scorable, spec))
    cores = cover_of(bases.size, [(tile.core_start, tile.core_end) for tile in tiles])
    assert (cores == cover_of(bases.size, scorable.regions)).all()
    unscored = cover_of(bases.size, scorable.unscored) > 0
    assert ((cores > 0) | unscored).all(), "a base is neither scorable nor listed as unscored"
    margin = spec.margin_bp
    for tile in tiles:
        assert tile.context_bp == spec.context_bp
        first, last = tile.start + margin, tile.end - margin
        assert first <= tile.core_start < tile.core_end <= last
        assert tile.core_offset(spec) == tile.core_start - first
        assert first >= 0, "predicts bases before the chrom's start for nothing"
        assert last <= max(bases.size, spec.predicted_bp())
        assert (tile.core_start - first) % spec.resolution_bp == 0


@st.composite
def some_of(draw, size):
    """Intervals of a chrom, or None; some touch and overlap."""
    edges = st.lists(st.tuples(st.integers(0, size), st.integers(1, 200)), max_size=3)
    drawn = draw(st.none() | edges)
    return None if drawn is None else np.array(drawn, np.int64).reshape(-1, 2) @ [[1, 1], [0, 1]]


def cut_at_every_gap(bases, spec, exclude, within):
    """What is scored, and the tiles it takes, where every gap and excluded base ends a region."""
    runs, step = runs_of(bases == ord("N")), spec.resolution_bp
    regions = complement(runs[runs[:, 1] - runs[:, 0] > MAX_RUN], bases.size)
    if exclude is not None:
        regions = subtract(regions, exclude)
    whole = np.stack([-(-regions[:, 0] // step), regions[:, 1] // step], axis=1) * step
    regions = whole[whole[:, 1] > whole[:, 0]]
    if within is not None:
        bins = np.stack([within[:, 0] // step, -(-within[:, 1] // step)], axis=1) * step
        regions = intersect(regions, bins)
    chrom = (0, bases.size)
    return regions, sum(len(cut_tiles(tuple(row), chrom, spec)) for row in regions.tolist())


@given(st.data(), chroms(), st.sampled_from(SPECS))
def test_tiles_across_short_gaps_score_the_same_bases_in_no_more_tiles(data, bases, spec):
    exclude, within = (data.draw(some_of(bases.size)) for _ in range(2))
    scorable = find_scorable(
        bases, spec, max_ambiguous_run_bp=MAX_RUN, exclude=exclude, within=within
    )
    scored, n_tiles = cut_at_every_gap(bases, spec, exclude, within)
    np.testing.assert_array_equal(scorable.scored, scored)
    tiles = list(tile_regions("c", scorable, spec))
    assert len(tiles) <= n_tiles
    everywhere, _ = cut_at_every_gap(bases, spec, exclude, None)
    unscored = mask_of(scorable.unscored, 0, bases.size)
    assert (unscored == ~mask_of(everywhere, 0, bases.size)).all()
    cores = cover_of(bases.size, [(tile.core_start, tile.core_end) for tile in tiles])
    assert cores.max(initial=0) <= 1
    kept = [(start, end) for start, end in scorable.regions.tolist()]
    assert (cores == cover_of(bases.size, kept)).all()
    for start, end in kept:
        assert mask_of(scored, start, end)[[0, -1]].all(), "a region ends in bases without values"


@pytest.mark.parametrize("excluded", [False, True])
def test_many_short_gaps_cost_no_windows(excluded):
    """SegmentBorzoi's geometry on a draft assembly: 200 N every 10 kb."""
    spec = TileSpec(
        524_288, 180_224, length_multiple_bp=128, alphabet="onehot", k=1, margin_bp=163_840
    )
    size, nothing = 10_000_000, np.zeros((0, 2), np.int64)
    gaps = np.arange(10_000, size, 10_200)[:, None] + [0, 200]
    whole = find_scorable_between(nothing, size, spec, max_ambiguous_run_bp=100)
    holed = find_scorable_between(
        nothing if excluded else gaps,
        size,
        spec,
        max_ambiguous_run_bp=100,
        exclude=gaps if excluded else None,
    )
    n_whole, n_holed = (len(list(tile_regions("c", plan, spec))) for plan in (whole, holed))
    assert (n_whole, len(gaps)) == (62, 980)
    assert n_holed <= n_whole
    assert set(holed.reasons) == {"blacklist" if excluded else "gap"}
    np.testing.assert_array_equal(holed.unscored, gaps)
    np.testing.assert_array_equal(holed.scored, complement(gaps, size))


@pytest.mark.parametrize(
    ("before", "gap_bp", "after", "is_covered"),
    [(50, 39, 50, True), (50, 40, 50, False), (80, 6, 80, False), (70, 10, 80, True)],
)
def test_a_gap_is_covered_where_that_saves_tiles(before, gap_bp, after, is_covered):
    """Cores are of 40 bp: a gap of as much is not covered, nor one that costs a tile more."""
    gaps, size = np.array([[before, before + gap_bp]]), before + gap_bp + after
    plan = find_scorable_between(gaps, size, MARGINAL, max_ambiguous_run_bp=MAX_RUN)
    apart = [[0, before], [before + gap_bp, size]]
    assert plan.regions.tolist() == ([[0, size]] if is_covered else apart)


@given(chroms(), st.sampled_from(SPECS))
def test_the_halo_is_read_wherever_there_is_sequence(bases, spec):
    scorable = find_scorable(bases, spec, max_ambiguous_run_bp=MAX_RUN)
    if bases.size <= spec.predicted_bp():
        return
    for tile in tile_regions("c", scorable, spec):
        slack = spec.resolution_bp
        assert tile.core_start - tile.start >= min(spec.halo_bp, tile.core_start + spec.margin_bp)
        after = bases.size - tile.core_end + spec.margin_bp
        assert tile.end - tile.core_end >= min(spec.halo_bp, after) - slack


@given(st.sampled_from([MARGINAL, BARE]), st.integers(0, 40))
def test_a_longer_context_predicts_as_much_and_reads_more(spec, steps):
    context = PREDICTED + 8 * steps
    resized = spec.resized(context_bp=context)
    assert resized.predicted_bp() == PREDICTED
    assert resized.core_bp == spec.core_bp
    assert spec.predicted_bp(context) == PREDICTED
    assert spec.margin_of(context) == resized.margin_bp
    assert spec.halo_of(context) == resized.halo_bp


def test_a_small_chrom_is_read_in_its_own_middle():
    scorable = find_scorable(np.full(10, ord("C"), np.uint8), MARGINAL, max_ambiguous_run_bp=0)
    (tile,) = tile_regions("c", scorable, MARGINAL)
    assert (tile.start, tile.end) == (-MARGIN, PREDICTED + MARGIN)
    assert (tile.core_start, tile.core_end) == (0, 10)


def test_tiles_that_start_before_their_chrom_read_back(tmp_path):
    scorable = find_scorable(np.full(200, ord("C"), np.uint8), BARE, max_ambiguous_run_bp=0)
    tiles = list(tile_regions("c", scorable, BARE))
    assert tiles[0].start < 0
    write_tiles(tiles, tmp_path / "tiles.bed")
    assert read_tiles(tmp_path / "tiles.bed") == tiles


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halo_bp": 40}, "halo_bp must be at least margin_bp.*halo_bp=40, margin_bp=48"),
        ({"margin_bp": -1}, "halo_bp must be at least margin_bp"),
        ({"alphabet": "kmer"}, "margin_bp needs a one-hot alphabet"),
        ({"length_multiple_bp": 5, "context_bp": 160}, "must be even where there is a margin_bp"),
        (
            {"resolution_bp": 5, "length_multiple_bp": 10, "halo_bp": 60},
            "margin_bp must be multiples of resolution_bp",
        ),
    ],
)
def test_impossible_margins_are_refused(changes, message):
    fields = MARGINAL.to_dict() | changes
    with pytest.raises(BasewiseError, match=message):
        TileSpec(**fields)


def test_overrides_obey_the_geometry():
    with pytest.raises(BasewiseError, match="at least 64, what this model predicts"):
        MARGINAL.resized(context_bp=56)
    with pytest.raises(BasewiseError, match="must be a multiple of 8"):
        MARGINAL.resized(context_bp=162)
    with pytest.raises(BasewiseError, match="halo_bp must be at least margin_bp"):
        MARGINAL.resized(halo_bp=47)
    assert MARGINAL.resized(halo_bp=50).core_bp == 60
    with pytest.raises(BasewiseError, match="must be a multiple of 32"):
        PLAIN.resized(context_bp=100)
    assert PLAIN.resized(context_bp=256).halo_bp == 32
