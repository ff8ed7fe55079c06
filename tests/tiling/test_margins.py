"""Windows that read more than they predict: what a core may be, and what is read beside it."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.tiling import TileSpec, find_scorable, read_tiles, tile_regions, write_tiles

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
