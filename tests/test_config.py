"""The configuration is checked before anything runs, and its errors are one line."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from basewise import config as checks
from basewise.assemblies import read_assemblies
from basewise.errors import BasewiseError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
ASSEMBLIES = yaml.safe_load((ROOT / "workflow/schemas/assemblies.schema.yaml").read_text())
TARGETS = yaml.safe_load((ROOT / "workflow/schemas/targets.schema.yaml").read_text())
OPEN = ("checkpoints", "peaks/negatives")  # sections whose keys are names
EITHER_OR = ("binding/training/trunk",)  # sections of which some keys exclude others
# what another layer reads, and refuses in its own words
PASSED_ON = ("binding/training/adapter", "binding/training/trunk/architecture")
SMALL = {"checkpoints": {"toy": {"source": "toy"}}, "segmentation": {"models": ["toy"]}}

AGRO = "hf://InstaDeepAI/agro-nucleotide-transformer-1b"


def changed(**sections) -> dict:
    return SMALL | sections


def keys_of(schema: dict, path: str = "") -> list[tuple[str, dict]]:
    """Every key a schema describes, as section/key, with its rules."""
    found = []
    children = dict(schema.get("properties", {}))
    if path in OPEN:
        children["*"] = schema["additionalProperties"]
    for name, rules in children.items():
        inner = f"{path}/{name}" if path else name
        found += [(inner, rules), *keys_of(rules, inner)]
    return found


def required_of(schema: dict, path: str = "") -> set[str]:
    """Every key that a schema requires in its section."""
    found = {f"{path}/{name}".lstrip("/") for name in schema.get("required", ())}
    children = dict(schema.get("properties", {}))
    if path in OPEN:
        children["*"] = schema["additionalProperties"]
    for name, rules in children.items():
        found |= required_of(rules, f"{path}/{name}".lstrip("/"))
    return found


def test_defaults_are_filled_at_every_depth():
    config = checks.complete_config(SMALL, SCHEMA)
    assert config["tiling"]["shards"] is None
    assert config["segmentation"]["calling"]["thresholds"] == {"default": 0.5}
    assert len(config["checkpoints"]["toy"]["tracks"]) == 14
    assert checks.complete_config(config, SCHEMA) == config


def test_tracks_that_nobody_names_are_those_that_were_trained(tmp_path, tiny_config):
    described = {"format": 1, **tiny_config, "untrained_tracks": ["intron"]}
    (tmp_path / "config.json").write_text(json.dumps(described))
    multi = "hf://InstaDeepAI/segment_nt_multi_species"
    sources = {"local": str(tmp_path), "published": multi, "language": f"{AGRO}@v1"}
    small = {"checkpoints": {name: {"source": source} for name, source in sources.items()}}
    calling = {"thresholds": {"splice_donor": 0.3}}
    filled = checks.complete_config(small | {"segmentation": {"calling": calling}}, SCHEMA)
    tracks = {name: checkpoint["tracks"] for name, checkpoint in filled["checkpoints"].items()}
    assert tracks["local"] == ["exon", "splice_donor"]
    assert len(tracks["published"]) == 7
    assert "CTCF-bound" not in tracks["published"]
    assert tracks["language"] is None
    assert checks.complete_config(filled, SCHEMA) == filled


def test_defaults_of_one_config_are_not_shared_with_the_next():
    bare = {"checkpoints": SMALL["checkpoints"]}
    checks.complete_config(bare, SCHEMA)["segmentation"]["models"].append("toy")
    assert checks.complete_config(bare, SCHEMA)["segmentation"]["models"] == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (changed(tiling={"shardz": 3}), ["'tiling/shardz'", "3", "'tiling/shards'"]),
        (changed(hallo=1), ["'hallo'", "1"]),
        (changed(tilling={}), ["'tilling'", "'tiling'"]),
        (changed(tiling={"shards": "many"}), ["'tiling/shards'", "whole number", "many"]),
        (changed(tiling={"shards": [3]}), ["'tiling/shards'", "whole number", "[3]"]),
        (changed(tiling={"shards": True}), ["'tiling/shards'", "whole number", "true"]),
        (changed(tiling={"shards": 0}), ["'tiling/shards'", "at least 1", "found 0"]),
        (changed(tiling={"halo_bp": -1}), ["'tiling/halo_bp'", "at least 0", "-1"]),
        (changed(tiling=None), ["'tiling'", "mapping", "null"]),
        (
            changed(segmentation={"strands": "fwd"}),
            ["'segmentation/strands'", '"fwd"', "forward, both"],
        ),
        (changed(segmentation={"dtype": "unit8"}), ["'segmentation/dtype'", "'uint8'"]),
        (changed(segmentation={"models": ["toi"]}), ["'toi'", "'toy'"]),
        (
            changed(segmentation={"calling": {"thresholds": {"exxon": 0.4}}}),
            ["'exxon'", "'exon'"],
        ),
        (
            changed(segmentation={"calling": {"thresholds": {"exon": 1.4}}}),
            ["'segmentation/calling/thresholds/exon'", "at most 1", "1.4"],
        ),
        (
            changed(peaks={}, binding={"evaluation": {"bin_bp": 200, "step_bp": 60}}),
            ["'binding/evaluation/bin_bp'", "multiple", "200 and 60"],
        ),
        ({}, ["'checkpoints'", "required"]),
        (changed(checkpoints={"toy": {}}), ["'checkpoints/toy/source'", "required"]),
        (changed(checkpoints={}), ["'checkpoints'"]),
        (
            changed(checkpoints={"toy": {"source": "x", "checksum": "abc"}}),
            ["'checkpoints/toy/checksum'", "abc"],
        ),
    ],
)
def test_an_illegal_config_is_explained_in_one_line(config, words):
    with pytest.raises(BasewiseError) as caught:
        checks.complete_config(config, SCHEMA)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_wrong_type_keeps_its_place_when_a_misspelt_key_is_there_too():
    with pytest.raises(BasewiseError, match="tiling/shardz"):
        checks.complete_config(changed(tiling={"shards": "many", "shardz": 3}), SCHEMA)


def test_numbers_given_as_text_on_the_command_line_are_numbers():
    config = checks.complete_config(changed(tiling={"shards": "7", "halo_bp": "null"}), SCHEMA)
    assert config["tiling"]["shards"] == 7
    assert config["tiling"]["halo_bp"] is None
    assert checks.read_numbers({"assemblies": "3"}, SCHEMA) == {"assemblies": "3"}


@pytest.mark.parametrize("shards", [3.0, "3.0", "3e0"])
def test_whole_numbers_with_a_point_are_whole_numbers(shards):
    found = checks.complete_config(changed(tiling={"shards": shards}), SCHEMA)["tiling"]["shards"]
    assert (found, type(found)) == (3, int)
    numbers = {"thresholds": {"exon": 1.0}, "min_length_bp": {"exon": 2.0}}
    config = checks.complete_config(changed(segmentation={"calling": numbers}), SCHEMA)
    assert type(config["segmentation"]["calling"]["min_length_bp"]["exon"]) is int


def test_a_fraction_is_no_whole_number():
    with pytest.raises(
        BasewiseError, match=r"'tiling/shards' must be a whole number or null; found 3\.5"
    ):
        checks.complete_config(changed(tiling={"shards": 3.5}), SCHEMA)


@pytest.mark.parametrize("tolerance", [0, 2.5, 40, None])
def test_seams_are_judged_in_the_unit_of_the_tracks_or_not_at_all(tolerance):
    told = changed(segmentation={"seam_tolerance": tolerance})
    assert checks.complete_config(told, SCHEMA)["segmentation"]["seam_tolerance"] == tolerance


def test_calling_may_name_an_element_that_no_checkpoint_writes():
    small = {"checkpoints": {"toy": {"source": "toy", "tracks": ["exon", "own"]}}}
    calling = {"min_length_bp": {"polyA_signal": 2, "own": 3, "default": 4}}
    config = checks.complete_config(small | {"segmentation": {"calling": calling}}, SCHEMA)
    assert config["segmentation"]["calling"]["min_length_bp"] == calling["min_length_bp"]


def test_a_long_list_of_legal_values_is_cut():
    assert checks.nearest("zzz", list(range(30))).endswith(" 19, ….")


@pytest.mark.parametrize(
    "schema", [SCHEMA, ASSEMBLIES, TARGETS], ids=["config", "assemblies", "targets"]
)
def test_every_key_is_described_bounded_and_has_a_default_or_is_required(schema):
    checks.Draft202012Validator.check_schema(schema)
    required = required_of(schema)
    for key, rules in keys_of(schema):
        assert rules.get("description"), key
        parent = key.rsplit("/", 1)[0].split("/*")[0]
        is_open = key.removesuffix("/*") in OPEN
        is_required = key in required
        assert "default" in rules or is_open or is_required or parent in EITHER_OR, key
        if rules.get("type") == "object" and not is_open and key not in PASSED_ON:
            assert "additionalProperties" in rules, (key, parent)
        kinds = rules.get("type", ())
        if "integer" in kinds or "number" in kinds:
            assert {"minimum", "exclusiveMinimum"} & set(rules), key


def test_the_readme_documents_every_key_with_its_default():
    text = (ROOT / "config/README.md").read_text()
    rows = {
        line.split("|")[1].strip(): line.split("|")[2]
        for line in text.splitlines()
        if line.startswith("| `")
    }
    leaves = [
        (key, rules)
        for key, rules in [*keys_of(SCHEMA), *keys_of(ASSEMBLIES), *keys_of(TARGETS)]
        if rules.get("type") != "object" and not key.endswith("/default")
    ]
    assert len(leaves) > 25
    for key, rules in leaves:
        assert f"`{key}`" in rows, f"config/README.md does not document {key}"
        default = rules.get("default")
        if isinstance(default, int | float | bool) or (isinstance(default, str) and default):
            spelt = str(default).lower() if isinstance(default, bool) else str(default)
            assert f"`{spelt}`" in rows[f"`{key}`"], f"config/README.md: default of {key}"


def test_the_readme_documents_no_key_that_is_gone():
    text = (ROOT / "config/README.md").read_text()
    legal = {key for key, _ in [*keys_of(SCHEMA), *keys_of(ASSEMBLIES), *keys_of(TARGETS)]}
    for line in text.splitlines():
        if line.startswith("| `"):
            assert line.split("`")[1] in legal


@pytest.mark.parametrize("folder", [ROOT, ROOT / ".test"], ids=["default", "toy"])
def test_the_shipped_configs_are_legal(folder):
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config = checks.complete_config(config, SCHEMA)
    rows = read_assemblies(folder / config["assemblies"], ASSEMBLIES, config)
    assert all(row["models"] for row in rows.values())
    with (folder / config["assemblies"]).open() as stream:
        lines = [line for line in stream if not line.startswith("#")]
    assert len(list(csv.DictReader(lines, delimiter="\t"))) == len(rows)
