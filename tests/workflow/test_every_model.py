"""Small checkpoints in the published layouts, imported, and run through the workflow."""

import json
import re

import jax
import numpy as np
import pyBigWig
import pytest

import basewise
from basewise.checkpoints import read_config
from basewise.checkpoints.store import load_checkpoint
from basewise.cli import main
from basewise.models.zoo import ZOO
from basewise.tiling import read_tiles
from basewise.tokenizers import PAD_ID, TOKENIZERS

pytestmark = pytest.mark.slow

# A model of each kind; those of a kind differ in size alone, and share a case of the reference.
KINDS = {
    "v1": "500M_human_ref",
    "agro": "1B_agro_nt",
    "v2": "50M_multi_species_v2",
    "codon": "codon_nt",
}
ASKED = {"segment_nt": "exon", "segment_nt_multi_species": "5UTR"}
ASKED |= {"segment_enformer": "f3", "segment_borzoi": "f1"}
BATCH, GAP_BP = 8, 600


@pytest.fixture(scope="session")
def import_model(reference, published_writer, tmp_path_factory):
    """A function model -> the checkpoint made of files in its published layout."""

    def make(model):
        folder, given = tmp_path_factory.mktemp(model), reference(model)
        published_writer.write_joblib(given, folder / "hub")
        (folder / "overrides.json").write_text(json.dumps(given.overrides()))
        arguments = ["checkpoint", "import", str(folder / "hub"), "--model", model]
        arguments += ["--config", str(folder / "overrides.json"), "--out", str(folder / "out")]
        assert main(arguments) == 0
        return folder / "out"

    return make


def write_genome(directory, chroms):
    (directory / "data/mini.fa").write_text(
        "".join(f">{name}\n{bases}\n" for name, bases in chroms.items())
    )


MINI = "assembly\tfasta\nmini\tdata/mini.fa\n"


@pytest.fixture(scope="module")
def checkpoints(import_model):
    return {model: import_model(model) for model in ASKED}


@pytest.fixture(scope="module")
def genome():
    draw = np.random.default_rng(20).choice
    bases = "".join(draw(list("ACGT"), 3400))
    return {"long": bases[:1500] + "N" * GAP_BP + bases[1500:2400], "other": bases[2400:]}


@pytest.fixture(scope="module")
def directory(make_directory, checkpoints, genome):
    """A working directory whose config names the four checkpoints, and none of their tracks."""
    changes = {
        "checkpoints": {model: {"source": str(path)} for model, path in checkpoints.items()},
        "segmentation": {"models": list(checkpoints), "dtype": "float32", "batch_size": BATCH},
        "tiling": {"shards": 1},
    }
    directory = make_directory(changes, MINI)
    write_genome(directory, genome)
    return directory


def test_untrained_tracks_are_not_planned(run_snakemake, directory):
    done = run_snakemake(directory, "--dry-run")
    assert done.returncode == 0, done.stdout
    planned = set(re.findall(r"Merging (\S+) of (\w+) on mini", done.stdout))
    expected = {model: ZOO[model].trained_tracks for model in ASKED}
    assert len(expected["segment_nt_multi_species"]) == 7
    expected["segment_enformer"] = [f"f{channel}" for channel in range(5)]
    expected["segment_borzoi"] = [f"f{channel}" for channel in range(4)]
    assert planned == {(track, model) for model in ASKED for track in expected[model]}


@pytest.fixture(scope="module")
def results(run_snakemake, directory):
    """One run, of a track for each model."""
    paths = [f"results/mini/{model}/tracks/{track}.bw" for model, track in ASKED.items()]
    done = run_snakemake(directory, *paths)
    assert done.returncode == 0, done.stdout
    return directory / "results/mini"


@pytest.fixture(params=ASKED)
def annotated(request, results, checkpoints):
    """A checkpoint, its results, and {chrom: values of its track, NaN where there are none}."""
    folder = results / request.param
    with pyBigWig.open(str(folder / f"tracks/{ASKED[request.param]}.bw")) as bigwig:
        sizes = bigwig.chroms().items()
        found = {name: np.array(bigwig.values(name, 0, size)) for name, size in sizes}
    return checkpoints[request.param], folder, found


def test_bigwigs_hold_what_python_gives(annotated, genome):
    checkpoint, folder, found = annotated
    annotator = basewise.load(checkpoint, tracks=[ASKED[folder.name]], batch_size=BATCH)
    for (chrom, bases), values in zip(genome.items(), annotator.predict(genome), strict=True):
        np.testing.assert_allclose(found[chrom], values[: len(bases), 0], atol=2e-6)
    gap = slice(1500, 1500 + GAP_BP)
    assert np.isnan(found["long"][gap]).all()
    assert not np.isnan(np.delete(found["long"], gap)).any()


def test_bigwigs_hold_what_the_model_says(annotated, genome):
    """Window by window, wherever one lies inside its chrom."""
    checkpoint, folder, found = annotated
    tiles = [
        tile
        for tile in read_tiles(folder / "tiles.bed")
        if tile.start >= 0 and tile.end <= len(genome[tile.chrom])
    ]
    assert len(tiles) >= 4
    model, params, config = load_checkpoint(checkpoint)
    windows = [genome[tile.chrom][tile.start : tile.end].encode() for tile in tiles]
    bases = np.stack([np.frombuffer(window, np.uint8) for window in windows])
    said = np.asarray(jax.jit(model.apply)(params, model.encode(bases)))
    margin = (bases.shape[1] - said.shape[1]) // 2
    channel = [track["name"] for track in config["tracks"]].index(ASKED[folder.name])
    for tile, values in zip(tiles, said[..., channel], strict=True):
        first = tile.core_start - tile.start - margin
        core = values[first : first + tile.core_end - tile.core_start]
        kept = found[tile.chrom][tile.core_start : tile.core_end]
        is_scored = ~np.isnan(kept)
        assert is_scored.any()
        # their logits reach hundreds, whose last digits depend on the size of the batch
        np.testing.assert_allclose(kept[is_scored], core[is_scored], atol=5e-4)


@pytest.fixture(params=KINDS)
def case(request, reference, published_writer, import_model):
    """A kind's model, its reference, its checkpoint, and {row: bases} that its ids spell."""
    model = KINDS[request.param]
    given, checkpoint = reference(model), import_model(model)
    tokenizer = TOKENIZERS[read_config(checkpoint)["architecture"]["tokenizer"]]
    rows = {}
    for row, ids in enumerate(given.arrays["i:tokens"]):
        bases = published_writer.spell(ids, tokenizer)
        if tokenizer.tokenize(bases).tolist() == ids[ids != PAD_ID].tolist():
            rows[row] = bases
    assert rows, "every row holds masks"
    return model, given, checkpoint, rows


def test_language_models_are_embedded(run_snakemake, make_directory, case):
    """Records that the reference's own ids spell give what the reference gives."""
    model, given, checkpoint, rows = case
    last = given.config["num_layers"]
    asked = {"layers": [1, last], "attention": ["1:1"], "logits": True}
    changes = {
        "checkpoints": {model: {"source": str(checkpoint)}},
        "segmentation": {"models": []},
        "embedding": {"checkpoint": model, "format": "npz", "batch_size": 2, **asked},
    }
    table = "assembly\tfasta\tembedding_regions\nmini\tdata/mini.fa\trecords\n"
    directory = make_directory(changes, table)
    write_genome(directory, {f"row{row}": bases for row, bases in rows.items()})
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    with np.load(directory / f"results/mini/{model}/embeddings/embeddings.npz") as archive:
        found = dict(archive)
    assert found["chrom"].tolist() == [f"row{row}" for row in rows]
    names = {key: key for key in ("embeddings_1", f"embeddings_{last}", "logits")}
    names["attention_1_1"] = "attention_map_layer_1_number_0"  # as the reference counts heads
    for ours, theirs in names.items():
        for row, values, n_tokens in zip(rows, found[ours], found["n_tokens"], strict=True):
            own = (slice(n_tokens),) * (2 if ours == "attention_1_1" else 1)
            expected = given.arrays[f"o:{theirs}"][row][own]
            atol = 2e-5 * max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(values[own], expected, rtol=0, atol=atol)
            assert np.isnan(values[n_tokens:]).all()
