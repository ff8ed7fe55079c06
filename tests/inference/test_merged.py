"""From FASTA to bigWig, base by base: what is merged is what the model says, and nothing else."""

import gzip
import logging
import re

import jax
import numpy as np
import pybigtools
import pyBigWig
import pytest

from basewise.checkpoints import read_tile_spec
from basewise.checkpoints.store import load_checkpoint
from basewise.genome import Genome
from basewise.inference import predict_shard
from basewise.intervals import read_bed
from basewise.tiling import fill_ambiguous, plan_shards, read_tiles
from basewise.tracks.merge import merge_tracks

WINDOW = 240
MAX_RUN = 4


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    """Chroms of every awkward kind, in 50-column lines."""
    rng = np.random.default_rng(3)

    def draw(length):
        return rng.choice(list("ACGT"), length).astype("U1")

    def join(*parts):
        return "".join("".join(part) for part in parts)

    sequences = {
        "one_window": join(draw(WINDOW)),
        "long": join(draw(700), "N" * 60, draw(333), "RN", draw(401).tolist(), "n" * 9, draw(100)),
        "lower": join(draw(500)).lower(),
        "short": join(draw(95)),
        "tiny": join(draw(30)),
        "gap": "N" * 50,
    }
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    with path.open("w") as stream:
        for name, bases in sequences.items():
            lines = [bases[start : start + 50] for start in range(0, len(bases), 50)]
            stream.write(f">{name}\n" + "\n".join(lines) + "\n")
    return path


def annotate(fasta, checkpoint, folder, n_shards, *, geometry=None, **options):
    tiles = [folder / f"{number}.bed" for number in range(n_shards)]
    shards = [folder / f"{number}.shard" for number in range(n_shards)]
    plan_shards(
        fasta,
        read_tile_spec(checkpoint, **(geometry or {})),
        outputs=tiles,
        regions=folder / "regions.bed",
        unscored=folder / "unscored.bed.gz",
        max_ambiguous_run_bp=MAX_RUN,
    )
    for bed, shard in zip(tiles, shards, strict=True):
        predict_shard(
            tiles=bed, genome=fasta, checkpoint=checkpoint, output=shard, batch_size=3, **options
        )
    sizes = Genome(fasta).chromsizes
    regions = read_bed(folder / "regions.bed", sizes)
    unscored = folder / "unscored.bed.gz"
    merge_tracks(shards, None, folder / "tracks", sizes, unscored, regions=regions)
    return {path.stem: path for path in sorted((folder / "tracks").glob("*.bw"))}


@pytest.fixture(scope="module")
def merged(fasta, tiny_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged")
    return folder, annotate(fasta, tiny_checkpoint, folder, 3)


def read_both(path, chrom, size):
    """Values by two independent readers, which must agree on every base."""
    with pyBigWig.open(str(path)) as bigwig:
        first = np.array(bigwig.values(chrom, 0, size), np.float32)
    second = pybigtools.open(str(path)).values(chrom, 0, size, fillna=np.nan, oob=np.nan)
    np.testing.assert_array_equal(first, np.asarray(second, np.float32))
    return first


def check_every_base(folder, tracks, fasta, checkpoint):
    """Compare the bigWigs with the model applied to each tile alone; return the bases compared."""
    model, params, _ = load_checkpoint(checkpoint)
    genome = Genome(fasta)
    expected = {c: np.full((size, 3), np.nan) for c, size in genome.chromsizes.items()}
    apply = jax.jit(model.apply)
    tiles = [tile for bed in sorted(folder.glob("?.bed")) for tile in read_tiles(bed)]
    for tile in tiles:
        bases = fill_ambiguous(genome.read(tile.chrom, tile.start, tile.end))
        values = np.asarray(apply(params, model.encode(bases[None])))[0]
        core = values[tile.core_start - tile.start : tile.core_end - tile.start]
        expected[tile.chrom][tile.core_start : tile.core_end] = core
    for chrom, intervals in read_bed(folder / "unscored.bed.gz").items():
        for start, end in intervals:
            expected[chrom][start:end] = np.nan
    compared = 0
    for index, name in enumerate(("exon", "intron", "splice_donor")):
        for chrom, size in genome.chromsizes.items():
            found = read_both(tracks[name], chrom, size)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected[chrom][:, index]))
            known = ~np.isnan(found)
            steps = np.abs(found - expected[chrom][:, index])[known] * 255
            assert steps.max(initial=0) <= 0.501, "more than rounding to 1/255"
            compared += known.sum()
    return compared


def test_every_base_is_what_the_model_says_of_its_tile(merged, fasta, tiny_checkpoint):
    folder, tracks = merged
    assert check_every_base(folder, tracks, fasta, tiny_checkpoint) > 3 * 2000


@pytest.mark.parametrize(
    "geometry", [{"halo_bp": 0}, {"halo_bp": 100}, {"context_bp": 96}, {"context_bp": 480}]
)
def test_another_context_or_halo_is_as_exact(fasta, tiny_checkpoint, tmp_path, geometry):
    tracks = annotate(fasta, tiny_checkpoint, tmp_path, 2, geometry=geometry)
    assert check_every_base(tmp_path, tracks, fasta, tiny_checkpoint) > 3 * 2000


def test_a_chrom_of_one_window_equals_the_untiled_model(merged, fasta, tiny_checkpoint):
    _, tracks = merged
    model, params, _ = load_checkpoint(tiny_checkpoint)
    bases = Genome(fasta).read("one_window", 0, WINDOW)
    values = np.asarray(model.apply(params, model.encode(bases[None])))[0]
    for index, name in enumerate(("exon", "intron", "splice_donor")):
        found = read_both(tracks[name], "one_window", WINDOW)
        assert np.abs(found - values[:, index]).max() * 255 <= 0.501


def test_unscored_bases_are_absent_and_listed_with_their_reason(merged):
    folder, _ = merged
    with gzip.open(folder / "unscored.bed.gz", "rt") as stream:
        rows = [line.split() for line in stream]
    reasons = {(row[0], row[3]) for row in rows}
    assert ("long", "gap") in reasons
    assert ("long", "ambiguous") in reasons
    assert ("tiny", "short") in reasons
    assert ("gap", "gap") in reasons


@pytest.mark.parametrize("n_shards", [1, 20])
def test_the_number_of_shards_changes_no_byte(merged, fasta, tiny_checkpoint, tmp_path, n_shards):
    _, tracks = merged
    again = annotate(fasta, tiny_checkpoint, tmp_path, n_shards)
    assert set(again) == set(tracks)
    for name, path in again.items():
        assert path.read_bytes() == tracks[name].read_bytes(), name


def test_float_shards_keep_what_uint8_rounds(merged, fasta, tiny_checkpoint, tmp_path):
    exact = annotate(fasta, tiny_checkpoint, tmp_path, 1, dtype="float32", tracks=["intron"])
    assert list(exact) == ["intron"]
    found = read_both(exact["intron"], "long", 700)
    rounded = read_both(merged[1]["intron"], "long", 700)
    assert 0 < np.nanmax(np.abs(found - rounded)) * 255 <= 0.501


def test_the_log_tells_bp_rate_and_time_left(merged, fasta, tiny_checkpoint, tmp_path, caplog):
    folder, _ = merged
    with caplog.at_level(logging.INFO, logger="basewise"):
        predict_shard(
            tiles=folder / "0.bed",
            genome=fasta,
            checkpoint=tiny_checkpoint,
            output=tmp_path / "shard",
            compilation_cache=tmp_path / "cache",
        )
    assert re.search(r"[\d,]+ of [\d,]+ bp done, [\d,]+ bp/s, ETA 0 s", caplog.text)
    assert (tmp_path / "cache").is_dir()
