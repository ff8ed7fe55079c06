"""Shards merge to the same bytes however tiles are dealt out, if they make one genome."""

import errno
import os
from itertools import pairwise

import numpy as np
import pybigtools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.intervals import write_bed
from basewise.tiling import TileSpec, find_scorable_between, tile_regions
from basewise.tracks import Track
from basewise.tracks.bigwig.writer import BigWigWriter
from basewise.tracks.gather import gather_shards
from basewise.tracks.merge import merge_track, merge_tracks
from basewise.tracks.quantise import decode

SIZES = {"chr10": 5_000, "chr2": 30_000, "chrM": 90, "chr1": 2_000}
REGIONS = {
    "chr2": np.array([[0, 12_000], [13_000, 29_999]]),
    "chr1": np.array([[10, 2_000]]),
    "chr10": np.array([[0, 5_000]]),
}
UNSCORED = {
    "chr2": np.array([[5, 9], [1_499, 1_501], [3_000, 3_001]]),
    "chr1": np.array([[10, 40]]),
}


def tile(regions, core_bp):
    """Cores of up to `core_bp` in every region, in the map's order of chroms."""
    return [
        (chrom, first, min(first + core_bp, int(end)))
        for chrom, rows in regions.items()
        for start, end in rows
        for first in range(int(start), int(end), core_bp)
    ]


def genome(seed=0, tracks=2):
    rng = np.random.default_rng(seed)
    return {chrom: rng.random((tracks, size), dtype=np.float32) for chrom, size in SIZES.items()}


def deal(cores, n):
    """`n` shards of consecutive tiles, some of them empty when there are more shards than tiles."""
    bounds = [len(cores) * number // n for number in range(n + 1)]
    return [cores[low:high] for low, high in pairwise(bounds)]


@pytest.fixture
def merged(write_shard, tmp_path):
    """merged(name, cores, shards, …) → (bigWig, seams.tsv, profile.tsv) as bytes, and the paths."""

    def merge(name, cores, n_shards=1, values=None, unscored=UNSCORED, regions=REGIONS, **options):
        values = genome() if values is None else values
        shards = [
            write_shard(f"{name}_{number}", part, values, **options)
            for number, part in enumerate(deal(cores, n_shards))
        ]
        bigwig, seams = tmp_path / f"{name}.bw", tmp_path / f"{name}.tsv"
        record = merge_track(
            shards[::-1], "intron", SIZES, unscored, bigwig, seams, regions=regions
        )
        profile = tmp_path / f"{name}.profile.tsv"
        return record, bigwig, [path.read_bytes() for path in (bigwig, seams, profile)]

    return merge


def expected_track(values, encode, step=1, unscored=UNSCORED):
    tracks = {}
    for chrom, size in SIZES.items():
        track = np.full(size, np.nan, dtype=np.float32)
        for start, end in REGIONS.get(chrom, ()):
            bins = decode(encode(values[chrom][1, start:end:step], "uint8"))
            track[start:end] = np.repeat(bins, step)[: end - start]
        for start, end in unscored.get(chrom, ()):
            track[start:end] = np.nan
        tracks[chrom] = track
    return tracks


def test_merged_values_are_the_shards_values(merged, readers, encode):
    record, path, _ = merged("a", tile(REGIONS, 1_500), n_shards=3)
    expected = expected_track(genome(), encode)
    for chrom, track in expected.items():
        for read in readers:
            np.testing.assert_array_equal(read(path, chrom, 0, SIZES[chrom]), track)
    assert record.scored_bp == sum(np.isfinite(track).sum() for track in expected.values())
    assert record.n_tiles == len(tile(REGIONS, 1_500))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_the_number_of_shards_changes_no_byte(merged, dtype):
    cores = tile(REGIONS, 1_500)
    *_, first = merged("n1", cores, 1, dtype=dtype)
    for n in (2, 3, 7, 100):
        *_, again = merged(f"n{n}", cores, n, dtype=dtype)
        for part, expected in zip(again, first, strict=True):
            assert part == expected


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(80, 20_000), st.integers(1, 9), st.integers(0, 99))
def test_any_tiling_stitches_to_the_same_track(merged, core_bp, n_shards, seed):
    *_, whole = merged("whole", tile(REGIONS, 40_000), 1, genome(seed))
    *_, tiled = merged("tiled", tile(REGIONS, core_bp), n_shards, genome(seed))
    assert tiled[0] == whole[0]


@pytest.mark.parametrize("step", [4, 32])
def test_coarser_tracks_cut_bins_at_unscored_bases(merged, readers, encode, step):
    _, path, one = merged("one", tile(REGIONS, 40_000), 1, resolution_bp=step)
    *_, many = merged("many", tile(REGIONS, 25 * step), 5, resolution_bp=step)
    assert many[0] == one[0]
    for chrom, track in expected_track(genome(), encode, step).items():
        for read in readers:
            np.testing.assert_array_equal(read(path, chrom, 0, SIZES[chrom]), track)


def test_cores_across_gaps_make_the_track_of_cores_between_them(merged):
    """Of a one-hot model with bins, whose tiles cover short gaps that begin and end inside bins."""
    spec = TileSpec(512, 128, resolution_bp=16, length_multiple_bp=32, alphabet="onehot", k=1)
    gaps = np.array([[100, 330], [1_003, 1_004], [5_000, 5_256], [9_990, 10_200]])
    plan = find_scorable_between(gaps, SIZES["chr2"], spec, max_ambiguous_run_bp=0)
    cores = [(*tile[:1], *tile[3:]) for tile in tile_regions("chr2", plan, spec)]
    between = {"chr2": plan.scored}
    assert (len(plan.regions), len(plan.scored)) == (2, 5)
    one, _, across = merged("across", cores, 3, unscored={"chr2": plan.unscored},
                            regions={"chr2": plan.regions}, resolution_bp=16)  # fmt: skip
    other, _, apart = merged("apart", tile(between, 256), 2, unscored=None, regions=between,
                             resolution_bp=16)  # fmt: skip
    assert across[0] == apart[0]
    assert one.scored_bp == other.scored_bp == sum(np.diff(plan.scored)[:, 0])
    assert one.seams.n_interior + one.seams.n_seams == other.seams.n_interior + other.seams.n_seams


def test_unscored_bases_from_a_bed(merged, tmp_path):
    cores = tile(REGIONS, 1_500)
    write_bed(UNSCORED, tmp_path / "unscored.bed")
    *_, from_map = merged("map", cores)
    *_, from_bed = merged("bed", cores, unscored=tmp_path / "unscored.bed")
    assert from_bed == from_map


def test_only_empty_shards_make_an_empty_bigwig(merged):
    record, path, _ = merged("none", [], 2, regions={})
    assert record.scored_bp == 0
    bigwig = pybigtools.open(str(path))
    assert bigwig.chroms() == SIZES
    assert bigwig.info()["summary"]["basesCovered"] == 0


def test_several_tracks_at_once_equal_one_by_one(write_shard, tmp_path):
    cores = tile(REGIONS, 1_500)
    shards = [write_shard(str(n), part, genome()) for n, part in enumerate(deal(cores, 3))]
    made = merge_tracks(
        shards, None, tmp_path / "tracks", SIZES, UNSCORED, tmp_path / "seams", threads=2
    )
    assert [record.track for record in made] == ["exon", "intron"]
    for record in made:
        merge_track(shards, record.track, SIZES, UNSCORED, tmp_path / "one.bw", tmp_path / "o.tsv")
        assert record.path.read_bytes() == (tmp_path / "one.bw").read_bytes()
        table = tmp_path / "seams" / f"{record.track}.tsv"
        assert table.read_bytes() == (tmp_path / "o.tsv").read_bytes()


CORES = [("chr2", 0, 12_000), ("chr2", 13_000, 29_999), ("chr1", 10, 2_000), ("chr10", 0, 5_000)]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        (CORES, CORES[3:], r"b\.shard and \S*a\.shard both hold chr10:0-5000"),
        (CORES, [("chr10", 4_000, 4_500)], r"b\.shard and \S*a\.shard both hold chr10:4000-4500"),
        (CORES[:1], CORES[2:], "No shard holds chr2:13000-29999"),
        (CORES[:3], [("chr10", 0, 4_990)], "No shard holds chr10:4990-5000"),
        (CORES, [("chrM", 0, 10)], r"b\.shard holds chrM:0-10, which is in no scorable region"),
        (CORES, [("chr2", 12_000, 12_010)], r"b\.shard holds chr2:12000-12010"),
        (CORES, [("chr9", 0, 10)], r"b\.shard holds chr9:0-10, which is not on this genome"),
        (CORES, [("chrM", 85, 91)], r"b\.shard holds chrM:85-91.*chrM of 90 bp"),
    ],
)
def test_shards_that_make_no_genome(write_shard, tmp_path, first, second, names):
    values = {chrom: np.zeros((2, 30_000), dtype=np.float32) for chrom in [*SIZES, "chr9"]}
    shards = [write_shard("a", first, values), write_shard("b", second, values)]
    with pytest.raises(BasewiseError, match=names):
        merge_track(shards, "exon", SIZES, None, tmp_path / "x.bw", regions=REGIONS)
    assert not (tmp_path / "x.bw").exists()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (
            {"dtype": "float16"},
            r"b\.shard differs from \S*a\.shard in dtype.*float16 against uint8",
        ),
        ({"tracks": (Track("exon"), Track("gene"))}, r"b\.shard differs .* in tracks.*gene"),
        ({"metadata": {"model": "toy", "revision": "2"}}, r"b\.shard differs .*'revision'.*2 ag"),
        ({"resolution_bp": 2}, r"b\.shard differs .* in resolution_bp"),
    ],
)
def test_shards_of_different_runs(write_shard, options, names):
    values = genome()
    shards = [write_shard("a", CORES[:2], values), write_shard("b", CORES[2:], values, **options)]
    with pytest.raises(BasewiseError, match=names):
        gather_shards(shards, SIZES)


def test_facts_of_a_run_may_differ(write_shard):
    values = genome()
    shards = [
        write_shard(name, part, values, run={"host": name})
        for name, part in (("a", CORES[:2]), ("b", CORES[2:]))
    ]
    gathered = gather_shards(shards, SIZES, REGIONS)
    assert [block.chrom for _, block in gathered.blocks] == ["chr1", "chr10", "chr2", "chr2"]
    assert gathered.n_tiles == 4


def test_a_damaged_block_leaves_no_bigwig(write_shard, tmp_path):
    path = write_shard("a", CORES, genome())
    gathered = gather_shards([path], SIZES, REGIONS)
    broken = bytearray(path.read_bytes())
    broken[int(gathered.blocks[-1][1].offsets[0]) + 20] ^= 1
    path.write_bytes(broken)
    with pytest.raises(BasewiseError, match="track exon at chr2:13000-29999"):
        merge_track(gathered, "exon", SIZES, None, tmp_path / "x.bw")
    assert [item.name for item in tmp_path.iterdir()] == ["a.shard"]


@pytest.mark.parametrize("room", [100, 20_000, 60_000])
def test_a_full_disk_leaves_neither_bigwig_nor_tables(write_shard, tmp_path, monkeypatch, room):
    """It fills in the header, in the values, and in the zooms, after the tables were written."""
    shard = write_shard("a", CORES, genome())
    out, real = tmp_path / "out", BigWigWriter.__enter__

    class FullDisk:
        def __init__(self, stream):
            self._stream, self._room = stream, room

        def write(self, data):
            self._room -= len(data)
            if self._room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return self._stream.write(data)

        def __getattr__(self, name):
            return getattr(self._stream, name)

    def enter(writer):
        real(writer)
        writer._stream = FullDisk(writer._stream)
        return writer

    monkeypatch.setattr(BigWigWriter, "__enter__", enter)
    path, seams = out / "exon.bw", out / "seams" / "exon.tsv"
    with pytest.raises(BasewiseError, match=r"exon\.bw could not be written; found No space left"):
        merge_track([shard], "exon", SIZES, None, path, seams, regions=REGIONS)
    assert [item for item in out.rglob("*") if not item.is_dir()] == []
    monkeypatch.undo()
    merge_track([shard], "exon", SIZES, None, path, seams, regions=REGIONS)
    names = {item.name for item in out.rglob("*")}
    assert names == {"exon.bw", "seams", "exon.tsv", "exon.profile.tsv"}


def test_nothing_to_merge(tmp_path):
    with pytest.raises(BasewiseError, match="no shards"):
        merge_track([], "exon", SIZES, None, tmp_path / "x.bw")
