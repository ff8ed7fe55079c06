"""Assemblies whose species a model does not know, and models that cannot annotate."""

import json
from pathlib import Path

import pytest

from basewise import sources
from basewise.errors import BasewiseError
from basewise.models.zoo import ZOO

KEPT = {"context_bp": None, "halo_bp": None}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def row(species, *models):
    return {"species": species, "models": list(models)}


def test_each_model_that_does_not_know_the_species_has_one_line(here):
    checkpoints = {
        "own": {"source": "hf://InstaDeepAI/segment_nt@main"},
        "multi": {"source": "hf://InstaDeepAI/segment_nt_multi_species"},
        "unknown": {"source": "hf://me/mine"},
    }
    assemblies = {
        "danRer11": row("zebrafish", "own", "multi", "unknown"),
        "hg38": row("human", "own", "multi"),
        "dm6": row("", "own"),
    }
    (line,) = sources.explain_species(assemblies, checkpoints)
    assert line.startswith("assembly 'danRer11': own was trained on human, not on zebrafish: ")


@pytest.mark.parametrize("place", ["trained", "resources/checkpoints/own"])
def test_a_checkpoint_tells_its_species_where_it_lies(here, place):
    config = {**ZOO["segment_nt"].to_config(), "format": 1, "revision": None}
    (here / place).mkdir(parents=True)
    (here / place / "config.json").write_text(json.dumps(config | {"trained_on": "people"}))
    source = place if place == "trained" else "https://host/own"
    (line,) = sources.explain_species({"x": row("mouse", "own")}, {"own": {"source": source}})
    assert "own was trained on people, not on mouse" in line
    assert sources.explain_species({"x": row("hg19", "own")}, {"own": {"source": source}}) == []


@pytest.mark.parametrize("is_local", [True, False])
def test_a_language_model_is_not_asked_to_annotate(here, is_local):
    source = ZOO["codon_nt"].source
    if is_local:
        source = "codon"
        (here / source).mkdir()
        config = {**ZOO["codon_nt"].to_config(), "format": 1, "revision": None}
        (here / source / "config.json").write_text(json.dumps(config))
    checkpoints = {"mine": {"source": source, "tracks": ["exon"]}}
    with pytest.raises(BasewiseError, match="'mine' cannot annotate: codon_nt is a language model"):
        sources.check_checkpoints({"x": row("", "mine")}, checkpoints, KEPT)
    sources.check_checkpoints({"x": row("")}, checkpoints, KEPT)
