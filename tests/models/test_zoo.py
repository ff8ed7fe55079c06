"""What is said of the published models, and that saying it needs no JAX."""

import subprocess
import sys

import pytest

from basewise.cli import main
from basewise.labels import ELEMENT_NAMES
from basewise.models.zoo import ZOO

NAMES = {
    "500M_human_ref",
    "500M_1000G",
    "2B5_1000G",
    "2B5_multi_species",
    "50M_multi_species_v2",
    "100M_multi_species_v2",
    "250M_multi_species_v2",
    "500M_multi_species_v2",
    "1B_agro_nt",
    "codon_nt",
    "segment_nt",
    "segment_nt_multi_species",
    "segment_enformer",
    "segment_borzoi",
}
CONTEXTS = {
    "500M_1000G": 5994,
    "1B_agro_nt": 6138,
    "codon_nt": 6141,
    "250M_multi_species_v2": 12282,
}
CONTEXTS |= {"segment_nt": 30_000, "segment_enformer": 196_608, "segment_borzoi": 524_288}


def test_all_models_are_there_with_their_contexts():
    assert set(ZOO) == NAMES
    assert {name: ZOO[name].context_bp for name in CONTEXTS} == CONTEXTS


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_is_described_whole(name):
    model = ZOO[name]
    assert model.name == name
    assert model.source.startswith("hf://InstaDeepAI/")
    assert model.licence == "CC-BY-NC-SA-4.0"
    assert model.species
    assert model.trained_on
    assert model.files[0].weights[0].path.startswith("jax_model/")
    assert [files.weights[0].path for files in model.files[1:]] == [
        "model.safetensors",
        "pytorch_model.bin",
    ]
    if model.tile_spec:
        assert model.features == ELEMENT_NAMES
        assert set(model.trained_tracks) <= set(model.features)
    else:
        assert model.to_config()["tracks"] == []


def test_sizes_and_hashes_of_files_tell_models_apart():
    """Different files have different hashes; a pytree is 4 bytes per parameter, if uncompressed."""
    known = [f for m in ZOO.values() for s in m.files for f in s.members if f.sha256_prefix]
    assert len({file.sha256_prefix for file in known}) == len(known) == 11
    for model in ZOO.values():
        (file, *_) = model.files[0].weights
        is_compressed = model.name.startswith("2B5")
        if file.is_exact:
            assert (file.size_bytes < 4 * model.parameters) == is_compressed
            assert abs(file.size_bytes / (4 * model.parameters) - 1) < 0.08


def test_borzoi_predicts_its_centre_and_keeps_as_much_as_enformer():
    borzoi, enformer = ZOO["segment_borzoi"].tile_spec, ZOO["segment_enformer"].tile_spec
    assert borzoi.margin_bp == 163_840
    assert borzoi.predicted_bp() == enformer.context_bp == 196_608
    assert borzoi.core_bp == enformer.core_bp


def test_the_table_is_read_by_people(capsys):
    assert main(["models"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "name",
        "family",
        "parameters",
        "context_bp",
        "alphabet",
        "tracks",
        "species",
        "licence",
        "source",
    ]
    assert [row.split()[0] for row in rows] == list(ZOO)
    assert any("48 plant species" in row for row in rows)


def test_the_tsv_holds_everything(capsys):
    assert main(["models", "--tsv"]) == 0
    header, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    table = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert set(table) == NAMES
    multi = table["segment_nt_multi_species"]
    assert multi["tracks"] == "7"
    assert "CTCF-bound" in multi["untrained_tracks"].split(",")
    assert "CTCF-bound" not in multi["trained_tracks"].split(",")
    assert multi["alphabet"] == "6-mer"
    agro = table["1B_agro_nt"]
    assert agro["files"].split(";")[0] == "jax_model/pytree_ckpt.joblib,jax_model/hyperparams.json"
    assert agro["file_bytes"].split(";")[0] == "3965106595,"
    assert agro["sha256_prefixes"].split(";")[0] == "1499f2c7,"
    enformer = table["segment_enformer"]
    assert enformer["files"].split(";")[:2] == [
        "jax_model/params.joblib,jax_model/state.joblib",
        "model.safetensors,config.json",
    ]
    assert enformer["file_bytes"].split(";")[:2] == ["~1620000000,", "1517283436,"]


def test_the_zoo_is_known_without_jax():
    code = "import sys, basewise.models.zoo, basewise.sources; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
