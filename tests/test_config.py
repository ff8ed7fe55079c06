"""The configuration is checked before anything runs, and its errors are one line."""

import csv
from pathlib import Path

import pytest
import yaml

from basewise import config as checks
from basewise.errors import BasewiseError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
ASSEMBLIES = yaml.safe_load((ROOT / "workflow/schemas/assemblies.schema.yaml").read_text())
SMALL = {"checkpoints": {"toy": {"source": "toy"}}, "segmentation": {"models": ["toy"]}}


def changed(**sections) -> dict:
    return SMALL | sections


def keys_of(schema: dict, path: str = "") -> list[tuple[str, dict]]:
    """Every key a schema describes, as section/key, with its rules."""
    found = []
    children = dict(schema.get("properties", {}))
    if path == "checkpoints":
        children["*"] = schema["additionalProperties"]
    for name, rules in children.items():
        inner = f"{path}/{name}" if path else name
        found += [(inner, rules), *keys_of(rules, inner)]
    return found


def test_defaults_are_filled_at_every_depth():
    config = checks.complete_config(SMALL, SCHEMA)
    assert config["tiling"]["shards"] == 64
    assert config["segmentation"]["calling"]["thresholds"] == {"default": 0.5}
    assert len(config["checkpoints"]["toy"]["tracks"]) == 14
    assert checks.complete_config(config, SCHEMA) == config


def test_defaults_of_one_config_are_not_shared_with_the_next():
    checks.complete_config(SMALL, SCHEMA)["evaluation"]["chroms"].append("chr1")
    assert checks.complete_config(SMALL, SCHEMA)["evaluation"]["chroms"] == []


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


def write_table(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def read(path: Path) -> dict[str, dict]:
    return checks.read_assemblies(path, ASSEMBLIES, checks.complete_config(SMALL, SCHEMA))


def test_assemblies_are_typed_and_completed(tmp_path):
    path = write_table(
        tmp_path / "a.tsv",
        "# a comment",
        "assembly\tfasta\tinclude\tmin_contig_bp\tannotation",
        "one\tone.fa\tchr?, chr??\t500\tgenes.gtf.gz",
        "",
        "two\thttps://host/two.fa.gz",
    )
    rows = read(path)
    assert list(rows) == ["one", "two"]
    assert rows["one"]["include"] == ["chr?", "chr??"]
    assert rows["one"]["min_contig_bp"] == 500
    assert rows["one"]["annotation_format"] == "gtf.gz"
    assert rows["two"]["min_contig_bp"] == 0
    assert rows["two"]["blacklist"] is None
    assert rows["two"]["models"] == ["toy"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["assembly\tfastaa", "a\tb"], ["line 1", "'fastaa'", "'fasta'"]),
        (["assembly\tfasta\tmin_contig_bp", "a\tb\tlong"], ["line 2", "whole number", "long"]),
        (["assembly\tfasta", "a\tb\tc"], ["line 2", "3 cells"]),
        (["assembly\tfasta", "a\t"], ["line 2", "'fasta'", "required"]),
        (["assembly\tfasta", "a/b\tx.fa"], ["line 2", "'assembly'", "a/b"]),
        (["assembly\tfasta", "a\tx.fa", "a\ty.fa"], ["line 3", "unique", "'a'"]),
        (["assembly\tfasta\tmodels", "a\tx.fa\ttoi"], ["line 2", "'toi'", "'toy'"]),
        (["assembly\tfasta\tannotation", "a\tx.fa\tx.doc"], ["line 2", "x.doc", ".gtf"]),
        (["assembly\tfasta\tchecksum", "a\tx.fa\tmd5:12"], ["line 2", "'checksum'", "md5:12"]),
        (["assembly\tfasta"], ["no assembly"]),
    ],
)
def test_an_illegal_table_is_explained_in_one_line(tmp_path, lines, words):
    path = write_table(tmp_path / "a.tsv", *lines)
    with pytest.raises(BasewiseError) as caught:
        read(path)
    text = str(caught.value)
    assert "\n" not in text
    for word in [str(path), *words]:
        assert word in text


def test_a_local_file_that_is_missing_is_named_with_its_neighbour(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("genome.fa.gz").touch()
    rows = read(write_table(tmp_path / "a.tsv", "assembly\tfasta", "x\tgenom.fa.gz"))
    with pytest.raises(BasewiseError, match=r"'x': the fasta file is missing.*'genome\.fa\.gz'"):
        checks.check_sources(rows, {})


def test_remote_sources_are_not_looked_up(tmp_path):
    rows = read(write_table(tmp_path / "a.tsv", "assembly\tfasta", "x\tftp://host/genom.fa"))
    checks.check_sources(rows, {"m": {"source": "hf://owner/name"}})


def test_a_checkpoint_directory_needs_its_config(tmp_path):
    with pytest.raises(BasewiseError, match=r"checkpoint 'm': .*no config\.json"):
        checks.check_sources({}, {"m": {"source": str(tmp_path)}})


def test_outputs_cannot_go_into_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checks.check_writable("results")
    Path("results").touch()
    with pytest.raises(BasewiseError, match="'results/hg38' cannot be written"):
        checks.check_writable("logs", "results/hg38")


def test_outputs_cannot_go_where_writing_is_forbidden(tmp_path, monkeypatch):
    monkeypatch.setattr(checks.os, "access", lambda path, mode: False)
    with pytest.raises(BasewiseError, match="no write permission"):
        checks.check_writable(str(tmp_path / "results"))


@pytest.mark.parametrize("schema", [SCHEMA, ASSEMBLIES], ids=["config", "assemblies"])
def test_every_key_is_described_bounded_and_has_a_default_or_is_required(schema):
    checks.Draft202012Validator.check_schema(schema)
    for key, rules in keys_of(schema):
        assert rules.get("description"), key
        parent = key.rsplit("/", 1)[0].split("/*")[0]
        is_open = key in ("checkpoints", "checkpoints/*")
        is_required = key.split("/")[-1] in ("assembly", "fasta", "source")
        assert "default" in rules or is_open or is_required, key
        if rules.get("type") == "object" and not is_open:
            assert "additionalProperties" in rules, (key, parent)
        kinds = rules.get("type", ())
        if "integer" in kinds or "number" in kinds:
            assert "minimum" in rules, key


def test_the_readme_documents_every_key_with_its_default():
    text = (ROOT / "config/README.md").read_text()
    rows = {
        line.split("|")[1].strip(): line.split("|")[2]
        for line in text.splitlines()
        if line.startswith("| `")
    }
    leaves = [
        (key, rules)
        for key, rules in [*keys_of(SCHEMA), *keys_of(ASSEMBLIES)]
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
    legal = {key for key, _ in [*keys_of(SCHEMA), *keys_of(ASSEMBLIES)]}
    for line in text.splitlines():
        if line.startswith("| `"):
            assert line.split("`")[1] in legal


@pytest.mark.parametrize("folder", [ROOT, ROOT / ".test"], ids=["default", "toy"])
def test_the_shipped_configs_are_legal(folder):
    config = yaml.safe_load((folder / "config/config.yaml").read_text())
    config = checks.complete_config(config, SCHEMA)
    rows = checks.read_assemblies(folder / config["assemblies"], ASSEMBLIES, config)
    assert all(row["models"] for row in rows.values())
    with (folder / config["assemblies"]).open() as stream:
        lines = [line for line in stream if not line.startswith("#")]
    assert len(list(csv.DictReader(lines, delimiter="\t"))) == len(rows)
