"""The contracts of tiling: every scorable base in one core, windows inside what is readable."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.genome import Genome, index
from basewise.tiling import (
    Tile,
    TileSpec,
    cut_tiles,
    find_scorable,
    find_scorable_between,
    pick_tiles,
    plan_shards,
    read_tiles,
    slide_windows,
    split_tiles,
    tile_regions,
    write_tiles,
)

CONTEXT, HALO, MULTIPLE = 96, 15, 24
KMER = TileSpec(
    context_bp=CONTEXT, halo_bp=HALO, length_multiple_bp=MULTIPLE, k=6, min_context_bp=24
)
BINNED = TileSpec(
    context_bp=128, halo_bp=32, resolution_bp=16, length_multiple_bp=32, alphabet="onehot", k=1
)


@st.composite
def chroms(draw):
    """Sequences with runs of N of every interesting length, lengths around those of windows."""
    lengths = st.one_of(
        st.integers(0, 400),
        st.sampled_from([CONTEXT - 1, CONTEXT, CONTEXT + 1, CONTEXT - 2 * HALO, 23, 24, 25]),
    )
    pieces = draw(st.lists(st.tuples(lengths, st.sampled_from([0, 1, 2, 5, 6, 7, 50])), max_size=5))
    return np.frombuffer(b"".join(b"C" * n + b"N" * gap for n, gap in pieces), np.uint8)


def cover_of(size, intervals):
    counts = np.zeros(size, int)
    for start, end in intervals:
        counts[start:end] += 1
    return counts


@given(chroms(), st.sampled_from([0, 1, 6]), st.booleans())
def test_kmer_cores_partition_what_is_scorable(bases, max_run, is_exact):
    scorable = find_scorable(bases, KMER, max_ambiguous_run_bp=max_run, is_exact=is_exact)
    tiles = list(tile_regions("c", scorable, KMER, is_exact=is_exact))
    cores = cover_of(bases.size, [(tile.core_start, tile.core_end) for tile in tiles])
    assert (cores == cover_of(bases.size, scorable.regions)).all()
    assert cores.max(initial=0) <= 1
    gaps = [
        interval
        for interval, reason in zip(scorable.unscored, scorable.reasons, strict=True)
        if reason == "gap"
    ]
    for tile in tiles:
        assert 0 <= tile.start <= tile.core_start < tile.core_end <= tile.end <= bases.size
        assert tile.context_bp % MULTIPLE == 0
        assert cover_of(bases.size, gaps)[tile.start : tile.end].sum() == 0
        assert is_exact or tile.context_bp in KMER.contexts()
    unscored = cover_of(bases.size, scorable.unscored) > 0
    assert ((cores > 0) | unscored).all(), "a base is neither scorable nor listed as unscored"
    assert unscored[bases == ord("N")].all(), "an N would get a value"


@given(chroms())
def test_one_hot_windows_read_across_gaps_and_past_ends(bases):
    scorable = find_scorable(bases, BINNED, max_ambiguous_run_bp=5)
    tiles = list(tile_regions("c", scorable, BINNED))
    cores = cover_of(bases.size, [(tile.core_start, tile.core_end) for tile in tiles])
    assert (cores == cover_of(bases.size, scorable.regions)).all()
    for tile in tiles:
        assert tile.context_bp == BINNED.context_bp
        assert tile.start >= 0
        assert tile.end <= max(bases.size, BINNED.context_bp)
        offsets = (tile.core_start - tile.start, tile.core_end - tile.start)
        assert all(offset % BINNED.resolution_bp == 0 for offset in offsets)


@given(st.integers(24, 2000), st.integers(0, 500), st.integers(0, 500))
@example(CONTEXT, 0, 0)
@example(CONTEXT + 1, 0, 0)
def test_halo_is_read_wherever_there_is_sequence(length, before, after):
    stretch = (1000 - before, 1000 + length + after)
    rows = cut_tiles((1000, 1000 + length), stretch, KMER)
    context = KMER.bucket(stretch[1] - stretch[0])
    halo = KMER.halo_of(context)
    for start, end, core_start, core_end in rows.tolist():
        if end - start == stretch[1] - stretch[0]:
            continue
        slack = KMER.k - 1
        assert core_start - start >= min(halo, core_start - stretch[0])
        assert end - core_end >= min(halo - slack, stretch[1] - core_end)


@given(st.integers(24, 3000))
def test_windows_of_a_region_cut_it_into_the_same_kmers(length):
    rows = cut_tiles((0, length), (0, length), KMER)
    context = KMER.bucket(length)
    inner = [row for row in rows.tolist() if row[0] < length - context]
    assert all(start % KMER.k == 0 for start, *_ in inner)


def test_a_chrom_as_long_as_one_window_is_one_tile():
    assert cut_tiles((0, CONTEXT), (0, CONTEXT), KMER).tolist() == [[0, CONTEXT, 0, CONTEXT]]


def test_regions_within_are_scored_with_their_real_flanks():
    bases = np.full(1000, ord("A"), np.uint8)
    within = np.array([[500, 520]])
    scorable = find_scorable(bases, KMER, max_ambiguous_run_bp=0, within=within)
    (tile,) = tile_regions("c", scorable, KMER)
    assert (tile.core_start, tile.core_end) == (500, 520)
    assert 500 - (CONTEXT - 20) // 2 - tile.start in range(KMER.k)


@given(st.integers(0, 40_959), st.integers(1, 40_960), st.booleans())
def test_regions_within_are_widened_to_bins(start, length, is_padded):
    size, step = 40_960, 128
    alphabet, k = ("onehot", 1) if is_padded else ("kmer", 6)
    spec = slide_windows(256, step_bp=step, alphabet=alphabet, k=k)
    end = min(start + length, size)
    within = np.array([(start, end)])
    nothing = np.zeros((0, 2), np.int64)
    plan = find_scorable_between(nothing, size, spec, max_ambiguous_run_bp=100, within=within)
    bins = {bin_ for tile in tile_regions("c", plan, spec)
            for bin_ in range(tile.core_start, tile.core_end, step)}  # fmt: skip
    assert all(bin_ % step == 0 for bin_ in bins)
    assert bins == set(range(start // step * step, end, step))


def test_excluded_bases_are_read_but_not_scored():
    bases = np.full(300, ord("A"), np.uint8)
    scorable = find_scorable(bases, KMER, max_ambiguous_run_bp=0, exclude=np.array([[100, 150]]))
    assert scorable.regions.tolist() == [[0, 100], [150, 300]]
    assert scorable.reasons == ["blacklist"]
    tiles = list(tile_regions("c", scorable, KMER))
    before = [tile for tile in tiles if tile.core_end <= 100]
    after = [tile for tile in tiles if tile.core_start >= 150]
    assert len(before) + len(after) == len(tiles)
    assert max(tile.end for tile in before) > 100
    assert min(tile.start for tile in after) < 150


def test_an_ambiguous_run_takes_one_kmer_on_each_side():
    bases = np.frombuffer(b"A" * 200 + b"NN" + b"A" * 200, np.uint8)
    scorable = find_scorable(bases, KMER, max_ambiguous_run_bp=2)
    assert scorable.regions.tolist() == [[0, 402]]
    assert scorable.unscored.tolist() == [[194, 208]]
    assert scorable.reasons == ["ambiguous"]


def test_buckets_halve_down_to_the_shortest():
    assert KMER.contexts() == (96, 48, 24)
    assert [KMER.bucket(n) for n in (23, 24, 47, 48, 95, 96, 500)] == [None, 24, 24, 48, 48, 96, 96]
    assert KMER.bucket(95, is_exact=True) == 72


@given(st.integers(1, 60), st.integers(1, 12))
def test_shards_keep_every_tile_in_order(n_tiles, n_shards):
    tiles = [Tile("c", i, i + 10 + i % 3, i, i + 1) for i in range(n_tiles)]
    shards = split_tiles(tiles, n_shards)
    assert len(shards) == n_shards
    assert [tile for shard in shards for tile in shard] == tiles
    sizes = [sum(tile.context_bp for tile in shard) for shard in shards]
    assert max(sizes) - sum(sizes) / n_shards <= 2 * 12


def test_parts_together_are_all_tiles():
    tiles = [Tile("c", i, i + 10, i, i + 1) for i in range(7)]
    for n in (1, 3, 9):
        parts = [pick_tiles(tiles, f"{i}-of-{n}") for i in range(1, n + 1)]
        assert parts == split_tiles(tiles, n)
    for wrong in ("0-of-3", "4-of-3", "3", "a-of-b", ""):
        with pytest.raises(BasewiseError, match="I-of-N"):
            pick_tiles(tiles, wrong)


def test_runs_of_n_say_as_much_as_bases():
    bases = np.frombuffer(b"ACGT" * 100 + b"N" * 40 + b"GT" * 90 + b"NN" + b"C" * 300, np.uint8)
    gaps = np.array([[400, 440], [620, 622]])
    for run in (0, 10, 50):
        expected = find_scorable(bases, KMER, max_ambiguous_run_bp=run)
        found = find_scorable_between(gaps, bases.size, KMER, max_ambiguous_run_bp=run)
        assert found.reasons == expected.reasons
        for one, other in zip(found[:3], expected[:3], strict=True):
            np.testing.assert_array_equal(one, other)


def test_chroms_are_planned_in_blocks(tmp_path, monkeypatch):
    text = "ACGT" * 100 + "N" * 40 + "GT" * 90 + "nr" + "C" * 300 + "N" * 6 + "ACC" * 50
    (tmp_path / "genome.fa").write_text(f">a\n{text}\n>b\n{text[::-1]}\n")
    longest, read = [], Genome.read

    def watched(genome, chrom, start, end):
        longest.append(end - start)
        return read(genome, chrom, start, end)

    def plan(folder, spec):
        folder.mkdir()
        files = [folder / name for name in ("tiles.bed", "regions.bed", "unscored.bed.gz")]
        plan_shards(tmp_path / "genome.fa", spec, outputs=files[:1], regions=files[1],
                    unscored=files[2], max_ambiguous_run_bp=5)  # fmt: skip
        return [path.read_bytes() for path in files]

    monkeypatch.setattr(Genome, "read", watched)
    for number, spec in enumerate((KMER, BINNED)):
        monkeypatch.setattr(index, "BLOCK_BP", 8 << 20)
        whole = plan(tmp_path / f"whole{number}", spec)
        longest.clear()
        monkeypatch.setattr(index, "BLOCK_BP", 37)
        assert plan(tmp_path / f"blocks{number}", spec) == whole
        assert max(longest) == 37
        scorable = find_scorable(read(Genome(tmp_path / "genome.fa"), "a", 0, len(text)), spec,
                                 max_ambiguous_run_bp=5)  # fmt: skip
        planned = [tile for tile in read_tiles(tmp_path / f"blocks{number}/tiles.bed")
                   if tile.chrom == "a"]  # fmt: skip
        assert planned == list(tile_regions("a", scorable, spec))


def test_tile_files_read_back(tmp_path):
    tiles = [Tile("chr1", 0, 96, 0, 66), Tile("chr 2", 5, 101, 20, 86)]
    write_tiles(tiles, tmp_path / "tiles.bed")
    assert read_tiles(tmp_path / "tiles.bed") == tiles
    (tmp_path / "broken.bed").write_text("chr1\t0\tx\n")
    with pytest.raises(BasewiseError, match=r"broken\.bed line 1 is not a tile"):
        read_tiles(tmp_path / "broken.bed")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"context_bp": 100, "halo_bp": 50}, "less than half of context_bp"),
        ({"context_bp": 100, "halo_bp": -1}, "halo_bp"),
        ({"context_bp": 100, "halo_bp": 0, "length_multiple_bp": 24}, "nearest below is 96"),
        ({"context_bp": 0, "halo_bp": 0}, "context_bp must be at least 1"),
        ({"context_bp": 100, "halo_bp": 0, "alphabet": "dna"}, "Known: kmer, onehot"),
        ({"context_bp": 100, "halo_bp": 0, "alphabet": "onehot"}, "k must be 1"),
        (
            {"context_bp": 128, "halo_bp": 3, "resolution_bp": 2, "length_multiple_bp": 2},
            "multiples",
        ),
    ],
)
def test_impossible_geometry_is_refused(fields, message):
    with pytest.raises(BasewiseError, match=message):
        TileSpec(**fields)
