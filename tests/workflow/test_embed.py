"""Rule embed: planned only where it is asked for, refused early, run on the toy genome."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from basewise.errors import BasewiseError
from basewise.sources import check_embedding, explain_species

ROOT = Path(__file__).resolve().parents[2]
CASE = ROOT / ".test/config-embed"
TABLE = "assembly\tfasta\tembedding_regions\ntoy\tdata/toy.fa.gz\tregions.bed\n"
CHAPTER = {"checkpoint": "segment_nt_toy", "layers": [1]}


@pytest.fixture
def make_run(make_directory):
    """A function (changes to the chapter) -> a directory that embeds three regions."""

    def make(chapter: dict, table: str = TABLE) -> Path:
        changes = {"embedding": CHAPTER | chapter, "segmentation": {"models": []}}
        directory = make_directory(changes, table)
        (directory / "regions.bed").write_text("chr3\t0\t60\nchr3\t600\t660\tr\t0\t-\n")
        return directory

    return make


def test_only_what_embeds_is_planned(run_snakemake, make_run):
    done = run_snakemake(make_run({}), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = re.findall(r"^(\w+) +\d+$", done.stdout, flags=re.MULTILINE)
    assert set(jobs) == {"all", "embed", "get_checkpoint", "get_genome", "index_genome", "total"}


def test_the_checkpoint_is_fetched_beforehand(run_snakemake, make_run):
    done = run_snakemake(make_run({}), "prefetch", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert "get_checkpoint" in done.stdout
    assert "embed" not in done.stdout.replace("embedding", "")


@pytest.mark.parametrize(
    ("chapter", "table", "words"),
    [
        ({"layers": [5]}, TABLE, "config section 'embedding': no such layer; found 5"),
        ({"layers": [0]}, TABLE, "'embedding/layers/0' must be at least 1"),
        ({"attention": ["1:4"]}, TABLE, "no such attention head in layer 1; found 4"),
        ({"attention": ["1-4"]}, TABLE, "'embedding/attention/0' must match"),
        ({"layers": []}, TABLE, "nothing is asked for"),
        ({"pool": "max"}, TABLE, "'embedding/pool' must be one of"),
        ({"logits": True}, TABLE, "cannot give logits; found no vocabulary head"),
        ({"format": "parquet"}, TABLE, "Parquet holds one row per sequence"),
        ({"checkpoint": "segment_nt_toi"}, TABLE, "'embedding/checkpoint' names a model"),
        ({}, TABLE.replace("regions.bed", "region.bed"), "embedding_regions file is missing"),
    ],
)
def test_a_chapter_that_cannot_be_is_refused_before_any_job(
    run_snakemake, make_run, chapter, table, words
):
    done = run_snakemake(make_run(chapter, table), "--dry-run")
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if words in line]
    assert len(lines) == 1, done.stdout


def test_a_model_without_language_model_is_refused(tmp_path):
    described = json.loads((ROOT / "resources/toy/segment_nt_toy/config.json").read_text())
    described |= {"name": "convolutions", "architecture": {"features": [], "trunk": {}}}
    (tmp_path / "config.json").write_text(json.dumps(described))
    chapter = {"checkpoint": "mine", "layers": [1], "attention": [], "format": "npz"}
    config = {"embedding": chapter, "checkpoints": {"mine": {"source": str(tmp_path)}}}
    with pytest.raises(BasewiseError, match="'embedding': convolutions has no language model"):
        check_embedding({}, config)


@pytest.mark.parametrize(
    ("name", "layer", "words"),
    [
        ("nucleotide-transformer-500m-human-ref", 25, "no such layer; found 25"),
        ("segment_enformer", 1, "segment_enformer has no language model"),
        ("nucleotide-transformer-500m-human-ref", 24, None),
    ],
)
def test_what_a_published_model_has_is_known_before_it_is_fetched(name, layer, words):
    chapter = {"checkpoint": "mine", "layers": [layer], "attention": [], "format": "npz"}
    source = {"source": f"hf://InstaDeepAI/{name}@main"}
    config = {"embedding": chapter, "checkpoints": {"mine": source}}
    if words is None:
        check_embedding({}, config)
        return
    with pytest.raises(BasewiseError, match=words):
        check_embedding({}, config)


def test_a_model_of_another_species_is_told():
    row = {"models": [], "species": "maize", "embedding_regions": "records"}
    checkpoints = {"mine": {"source": "hf://InstaDeepAI/nucleotide-transformer-500m-human-ref"}}
    lines = explain_species({"z": row}, checkpoints, {"checkpoint": "mine"})
    assert len(lines) == 1
    assert "maize" in lines[0]
    assert (
        explain_species({"z": row | {"species": "human"}}, checkpoints, {"checkpoint": "mine"})
        == []
    )
    assert explain_species({"z": row}, checkpoints) == []


@pytest.mark.slow
def test_the_shipped_case_embeds_both_strands(run_snakemake, make_directory):
    directory = make_directory()
    shutil.copytree(CASE, directory / CASE.name)
    configfile = str(directory / CASE.name / "config.yaml")
    done = run_snakemake(directory, "--configfile", configfile)
    assert done.returncode == 0, done.stdout
    out = directory / "results/toy_embedded/segment_nt_toy/embeddings/embeddings.parquet"
    table = pq.read_table(out)
    assert table["name"].to_pylist() == ["forward", "reverse", "short", "ends_in_letters"]
    assert table["strand"].to_pylist() == ["+", "-", "+", "+"]
    assert table["n_tokens"].to_pylist() == [168, 168, 51, 11]
    values = np.stack(table["embeddings_2"].to_numpy())
    assert values.shape == (4, 64)
    assert np.isfinite(values).all()
    assert np.abs(values[0] - values[1]).max() > 0.01
    assert not (directory / "results/toy_embedded/segment_nt_toy/tracks").exists()
