"""The table of assemblies is typed, completed, and wrong rows are named by line."""

from pathlib import Path

import pytest
import yaml

from basewise import assemblies as tables
from basewise.config import complete_config
from basewise.errors import BasewiseError

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
ASSEMBLIES = yaml.safe_load((ROOT / "workflow/schemas/assemblies.schema.yaml").read_text())
SMALL = {"checkpoints": {"toy": {"source": "toy"}}, "segmentation": {"models": ["toy"]}}


def write_table(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def read(path: Path) -> dict[str, dict]:
    return tables.read_assemblies(path, ASSEMBLIES, complete_config(SMALL, SCHEMA))


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
        tables.check_sources(rows, {})


def test_remote_sources_are_not_looked_up(tmp_path):
    rows = read(write_table(tmp_path / "a.tsv", "assembly\tfasta", "x\tftp://host/genom.fa"))
    tables.check_sources(rows, {"m": {"source": "hf://owner/name"}})


def test_a_checkpoint_directory_needs_its_config(tmp_path):
    with pytest.raises(BasewiseError, match=r"checkpoint 'm': .*no config\.json"):
        tables.check_sources({}, {"m": {"source": str(tmp_path)}})


def test_outputs_cannot_go_into_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables.check_writable("results")
    Path("results").touch()
    with pytest.raises(BasewiseError, match="'results/hg38' cannot be written"):
        tables.check_writable("logs", "results/hg38")


def test_outputs_cannot_go_where_writing_is_forbidden(tmp_path, monkeypatch):
    monkeypatch.setattr(tables.os, "access", lambda path, mode: False)
    with pytest.raises(BasewiseError, match="no write permission"):
        tables.check_writable(str(tmp_path / "results"))
