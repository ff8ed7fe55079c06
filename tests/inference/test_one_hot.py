"""One-hot models from FASTA to bigWig: what is merged is what the model says of each window."""

import dataclasses
import functools

import jax
import numpy as np
import pyBigWig
import pytest

import basewise
from basewise.checkpoints import read_config, read_tile_spec
from basewise.checkpoints.store import load_checkpoint, save_checkpoint
from basewise.errors import BasewiseError
from basewise.genome import Genome, reverse_complement
from basewise.inference import predict_shard
from basewise.intervals import read_bed
from basewise.models.families import build_skeleton, build_track_model
from basewise.tiling import TileSpec, plan_shards, read_tiles
from basewise.track import Track, find_dtype
from basewise.tracks.merge import merge_tracks

FEATURES = ("exon", "intron")
MAX_RUN = 4
ENFORMER = {
    "name": "tiny_enformer",
    "family": "segment_enformer",
    "architecture": {
        "features": list(FEATURES),
        "nucl_per_token": 8,
        "head_embed_dimension": 12,
        "trunk": {
            "embed_dim": 12,
            "num_transformer_layers": 2,
            "num_attention_heads": 2,
            "attention_dim_key": 4,
            "num_downsamples": 3,
            "dim_divisible_by": 2,
        },
    },
    "tile_spec": TileSpec(128, halo_bp=16, length_multiple_bp=32, alphabet="onehot", k=1).to_dict(),
}
BORZOI = {
    "name": "tiny_borzoi",
    "family": "segment_borzoi",
    "architecture": {
        "features": list(FEATURES),
        "nucl_per_token": 2,
        "head_embed_dimension": 12,
        "trunk": {
            "int_embed_dim": 6,
            "res_tower_embed_dim_init": 8,
            "embed_dim": 12,
            "num_transformer_layers": 2,
            "num_attention_heads": 2,
            "attention_dim_key": 4,
            "num_rel_pos_features": 4,
            "target_length": 32,
            "num_downsamples": 3,
            "dim_divisible_by": 2,
            "final_conv_block_embed_dim": 10,
            "separable_channels": 12,
        },
    },
    "tile_spec": TileSpec(
        160, halo_bp=56, length_multiple_bp=8, alphabet="onehot", k=1, margin_bp=48
    ).to_dict(),
}
MARGINS = {"tiny_enformer": 0, "tiny_borzoi": 48}


@pytest.fixture(scope="module", params=[ENFORMER, BORZOI], ids=["enformer", "borzoi"])
def checkpoint(request, tmp_path_factory):
    """A checkpoint whose random model answers differently at every base."""
    config = request.param | {
        "revision": "1",
        "source": "made by the tests",
        "licence": "MIT",
        "species": ["nothing"],
        "tracks": [{"name": name} for name in FEATURES],
    }
    rng = np.random.default_rng(5)

    def draw(path, leaf):
        is_positive = "var_ema" in path[1].key or path[2].key == "scale"
        n_inputs = 1 if leaf.ndim < 2 else np.prod(leaf.shape[:-1])
        drawn = rng.normal(0, 1.2 / np.sqrt(n_inputs), leaf.shape)
        return np.asarray(1 + np.abs(drawn) if is_positive else drawn, np.float32)

    params = jax.tree_util.tree_map_with_path(draw, build_skeleton(config))
    folder = tmp_path_factory.mktemp("checkpoints") / config["name"]
    save_checkpoint(folder, config, params)
    return folder


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    """Chroms shorter, longer and as long as windows; runs of N short and long, at ends too."""
    rng = np.random.default_rng(8)

    def draw(length):
        return "".join(rng.choice(list("ACGT"), length))

    sequences = {
        "long": draw(300) + "N" * 40 + draw(151) + "NNN" + draw(90).lower() + "R" + draw(37),
        "as_read": draw(128),
        "as_predicted": draw(64),
        "short": draw(21),
        "gapped": "N" * 30 + draw(80) + "N" * 9,
        "gap": "N" * 50,
    }
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in sequences.items()))
    return path


def annotate(fasta, checkpoint, folder, *, geometry=None, strands="forward"):
    """Through plan, predict and merge in two shards; return the bigWigs by track."""
    tiles, shards = ([folder / f"{n}.{kind}" for n in range(2)] for kind in ("bed", "shard"))
    regions, unscored = folder / "regions", folder / "unscored.bed.gz"
    plan_shards(
        fasta,
        read_tile_spec(checkpoint, **(geometry or {})),
        outputs=tiles,
        regions=regions,
        unscored=unscored,
        max_ambiguous_run_bp=MAX_RUN,
    )
    for bed, shard in zip(tiles, shards, strict=True):
        predict_shard(
            tiles=bed,
            genome=fasta,
            checkpoint=checkpoint,
            output=shard,
            strands=strands,
            dtype="float32",
            batch_size=3,
        )
    sizes = Genome(fasta).chromsizes
    scored = read_bed(regions, sizes)
    merge_tracks(shards, None, folder / "tracks", sizes, unscored, regions=scored)
    return {path.stem: path for path in sorted((folder / "tracks").glob("*.bw"))}


def window_of(genome, chrom, start, end):
    """The bases of a window, N where the chrom has none."""
    size = genome.chromsizes[chrom]
    inside = genome.read(chrom, max(start, 0), min(end, size))
    return np.pad(inside, (max(-start, 0), max(end - size, 0)), constant_values=ord("N"))


@functools.lru_cache
def load(checkpoint):
    """The model of a checkpoint, compiled by itself, and its config."""
    model, params, config = load_checkpoint(checkpoint)
    apply = jax.jit(functools.partial(model.apply, params))
    return lambda bases: np.asarray(apply(model.encode(bases))), config


def expect(fasta, checkpoint, folder, *, strands="forward", wider=0):
    """What the model says of every planned window by itself, base by base."""
    apply, config = load(checkpoint)
    margin = MARGINS[config["name"]] + wider
    genome = Genome(fasta)
    expected = {
        chrom: np.full((size, len(FEATURES)), np.nan) for chrom, size in genome.chromsizes.items()
    }
    for bed in sorted(folder.glob("?.bed")):
        for tile in read_tiles(bed):
            bases = window_of(genome, tile.chrom, tile.start, tile.end)[None]
            values = apply(bases)[0]
            if strands == "both":
                values = (values + apply(reverse_complement(bases))[0][::-1]) / 2
            assert len(values) == tile.context_bp - 2 * margin
            low = tile.start + margin
            core = values[tile.core_start - low : tile.core_end - low]
            expected[tile.chrom][tile.core_start : tile.core_end] = core
    for chrom, intervals in read_bed(folder / "unscored.bed.gz").items():
        for start, end in intervals:
            expected[chrom][start:end] = np.nan
    return expected


def check(tracks, expected, fasta):
    compared = 0
    for index, name in enumerate(FEATURES):
        for chrom, size in Genome(fasta).chromsizes.items():
            with pyBigWig.open(str(tracks[name])) as bigwig:
                found = np.array(bigwig.values(chrom, 0, size), np.float32)
            np.testing.assert_allclose(found, expected[chrom][:, index], atol=2e-5, err_msg=chrom)
            compared += np.isfinite(found).sum()
    return compared


@pytest.fixture(scope="module")
def merged(fasta, checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged")
    return folder, annotate(fasta, checkpoint, folder)


def test_every_base_is_what_the_model_says_of_its_window(merged, fasta, checkpoint):
    folder, tracks = merged
    expected = expect(fasta, checkpoint, folder)
    assert check(tracks, expected, fasta) > 2 * 800
    spread = np.nanstd(expected["long"], axis=0)
    assert (spread > 0.005).all(), "a model that says the same everywhere shows nothing"


def test_both_strands_in_another_context_and_halo_are_as_exact(fasta, checkpoint, tmp_path):
    is_borzoi = "borzoi" in checkpoint.name
    geometry = {"context_bp": 192, "halo_bp": 64 if is_borzoi else 0}
    tracks = annotate(fasta, checkpoint, tmp_path, geometry=geometry, strands="both")
    wider = (192 - 160) // 2 if is_borzoi else 0
    expected = expect(fasta, checkpoint, tmp_path, strands="both", wider=wider)
    assert check(tracks, expected, fasta) > 2 * 800


def test_short_runs_of_n_have_values_and_long_ones_do_not(merged):
    _, tracks = merged
    with pyBigWig.open(str(tracks["exon"])) as bigwig:
        values = np.array(bigwig.values("long", 0, bigwig.chroms("long")))
        assert bigwig.values("gap", 0, 50) == pytest.approx([np.nan] * 50, nan_ok=True)
    assert np.isnan(values[300:340]).all()
    assert not np.isnan(np.delete(values, np.s_[300:340])).any()


def test_a_core_covers_a_short_gap(merged, fasta):
    folder, _ = merged
    regions = read_bed(folder / "regions")
    assert regions["long"].tolist() == [[0, Genome(fasta).chromsizes["long"]]]
    assert read_bed(folder / "unscored.bed.gz")["long"].tolist() == [[300, 340]]


def test_an_annotator_says_what_the_tracks_say(merged, fasta, checkpoint):
    _, tracks = merged
    genome = Genome(fasta)
    chroms = list(genome.chromsizes.items())
    annotator = dataclasses.replace(
        basewise.load(checkpoint, batch_size=3), max_ambiguous_run_bp=MAX_RUN
    )
    given = annotator.predict_regions(genome, [(chrom, 0, size) for chrom, size in chroms])
    for (chrom, size), values in zip(chroms, given, strict=True):
        for index, name in enumerate(FEATURES):
            with pyBigWig.open(str(tracks[name])) as bigwig:
                found = np.array(bigwig.values(chrom, 0, size), np.float32)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(values[:, index]))
            np.testing.assert_allclose(found, values[:, index], atol=2e-5)


def test_a_sequence_alone_is_read_between_n(checkpoint, random_bases):
    """What ``predict`` says of a text is what the model says of it in the middle of N."""
    apply, config = load(checkpoint)
    margin = MARGINS[config["name"]]
    text = random_bases(2, config["tile_spec"]["context_bp"] - 2 * margin)
    bases = np.frombuffer(("N" * margin + text + "N" * margin).encode(), np.uint8)
    given = basewise.load(checkpoint, batch_size=3).predict(text)
    np.testing.assert_allclose(given, apply(bases[None]), atol=2e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["tile_spec"].update(alphabet="kmer", margin_bp=0, k=1),
            "tile_spec/alphabet of this one-hot model must be onehot; found kmer",
        ),
        (
            lambda c: c["tile_spec"].update(context_bp=c["tile_spec"]["context_bp"] - 1),
            "context_bp must be a multiple of",
        ),
        (
            lambda c: c["architecture"].update(nucl_per_token=4),
            r"architecture/nucl_per_token of this .* must be \d; found 4",
        ),
        (
            lambda c: c["architecture"]["trunk"].update(num_layers=4),
            "unknown key architecture/trunk/num_layers",
        ),
        (
            lambda c: c["architecture"]["trunk"].update(num_attention_heads=5),
            "multiple of num_attention_heads",
        ),
        (
            lambda c: c["architecture"].update(tokenizer="v2_6mer"),
            "tokenizer of a one-hot model must be single_nt",
        ),
        (lambda c: c["architecture"].pop("features"), "missing key architecture/features"),
    ],
)
def test_configs_that_cannot_be_are_refused(checkpoint, change, message):
    config = read_config(checkpoint)
    change(config)
    with pytest.raises(BasewiseError, match=message):
        build_track_model(config)


def test_a_margin_that_is_not_the_trunks_is_refused(checkpoint):
    config = read_config(checkpoint)
    config["tile_spec"] |= {"margin_bp": 16, "halo_bp": 56, "context_bp": 128 + 32}
    with pytest.raises(BasewiseError, match=r"margin_bp must leave the \d+ bp that the trunk"):
        build_track_model(config)


@pytest.mark.parametrize(
    ("asked", "highest", "stored"),
    [
        ("uint8", 1.0, "uint8"),
        ("uint8", 1.5, "float32"),
        ("float16", 1e3, "float16"),
        ("float16", 1e5, "float32"),
        ("float32", 1e9, "float32"),
    ],
)
def test_values_that_a_dtype_cannot_hold_are_stored_as_float32(asked, highest, stored):
    assert find_dtype(asked, [Track("a"), Track("b", value_range=(0.0, highest))]) == stored
