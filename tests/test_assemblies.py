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
        (["assembly\tfasta", "checkpoints\tx.fa"], ["line 2", "'assembly'", "'checkpoints'"]),
        (["assembly\tfasta", "compilation_cache\tx.fa"], ["line 2", "'compilation_cache'"]),
        (
            ["assembly\tfasta\taliases", "a\tx.fa\thttps://host/a.tsv"],
            ["line 2", "'aliases'", "local file", "https://host/a.tsv"],
        ),
        (
            ["assembly\tfasta\tsignals\tbigwigs", "a\tx.fa\ts.tsv\tfolder"],
            ["line 2", "'loci' is empty", "signals, bigwigs"],
        ),
        (
            ["assembly\tfasta\tproteins", "a\tx.fa\thttps://host/p.fa"],
            ["line 2", "'proteins' must be a local file"],
        ),
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


def test_chroms_to_evaluate_are_chroms_of_the_assembly(tmp_path):
    path = write_table(tmp_path / "a.tsv", "assembly\tfasta\tevaluation_chroms", "x\ty\tchr1, chr2")
    chroms = read(path)["x"]["evaluation_chroms"]
    tables.check_chroms(chroms, {"chr1": 9, "chr2": 9}, "x")
    with pytest.raises(
        BasewiseError, match=r"'evaluation_chroms' of assembly 'x'.*'chr2'.*'chr02'"
    ):
        tables.check_chroms(chroms, {"chr1": 9, "chr02": 9}, "x")


def test_an_assembly_needs_a_model_unless_it_has_peaks(tmp_path):
    path = write_table(tmp_path / "a.tsv", "assembly\tfasta\tpeaks", "x\ty\tz.bed", "w\ty")
    none = {"checkpoints": {}, "peaks": {}}
    with pytest.raises(BasewiseError, match=r"line 3: no model annotates assembly 'w'"):
        tables.read_assemblies(path, ASSEMBLIES, complete_config(none, SCHEMA))
    path = write_table(tmp_path / "a.tsv", "assembly\tfasta\tpeaks", "x\ty\tz.bed")
    rows = tables.read_assemblies(path, ASSEMBLIES, complete_config(none, SCHEMA))
    assert rows["x"]["models"] == []
    without = complete_config(SMALL | {"segmentation": {}}, SCHEMA)
    with pytest.raises(BasewiseError, match=r"line 2: no model annotates assembly 'x'"):
        tables.read_assemblies(path, ASSEMBLIES, without)
