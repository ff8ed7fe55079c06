"""The workflow keeps its shape: short Snakefile, complete rules, scripts that call one function."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"
RULE = re.compile(r"^rule (\w+):\n((?:    .*\n|\n)+)", re.MULTILINE)
RULES = {
    name: body
    for path in sorted((WORKFLOW / "rules").glob("*.smk"))
    for name, body in RULE.findall(path.read_text())
}
SCRIPTS = sorted((WORKFLOW / "scripts").glob("*.py"))


def test_the_snakefile_is_a_table_of_contents():
    assert len((WORKFLOW / "Snakefile").read_text().splitlines()) < 60


def test_rules_and_scripts_match():
    assert len(RULES) >= 10
    assert {path.stem for path in SCRIPTS} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_complete(rule):
    body = RULES[rule]
    for directive in ("input", "output", "log", "conda", "message"):
        assert f"    {directive}:\n" in body, directive
    assert f'"logs/{rule}/' in body
    assert f'"../scripts/{rule}.py"' in body
    benchmark = re.search(r'"benchmarks/(.+)\.tsv"', body)
    if benchmark:
        assert f'"logs/{benchmark[1]}.log"' in body
    for directive in ("input", "output"):
        block = re.search(rf"    {directive}:\n((?:        .*\n)+)", body)[1]
        first = re.findall(r"^ {8}(\S.*)$", block, flags=re.MULTILINE)
        assert all(re.match(r"\w+=|[)\]]", line) for line in first), f"{directive} without a name"


@pytest.mark.parametrize("rule", RULES)
def test_no_index_is_an_output(rule):
    """Whether .tbi or .csi depends on the length of the chroms."""
    assert ".tbi" not in RULES[rule]
    assert ".csi" not in RULES[rule]


def test_one_card_serves_one_job_at_a_time_here_and_any_number_on_a_cluster():
    profile = yaml.safe_load((WORKFLOW / "profiles/default/config.v9+.yaml").read_text())
    assert profile["resources"] == ["gpu=1"]
    assert 'resource_scopes:\n    gpu="local",' in (WORKFLOW / "Snakefile").read_text()


def test_rules_that_ask_for_cards_claim_as_many():
    asking = [name for name, body in RULES.items() if " gpu=" in body]
    assert {"predict_shard", "embed", "train_binding", "encode_proteins"} <= set(asking)
    for rule in asking:
        assert " devices_per_job=" in RULES[rule], rule
        script = (WORKFLOW / "scripts" / f"{rule}.py").read_text()
        promise = r"promised(_devices)?=snakemake\.resources\.devices_per_job,"
        assert re.search(promise, script), rule


@pytest.mark.parametrize("rule", ["generate_negatives", "evaluate_segmentation", "filter_peaks"])
def test_rules_that_read_chroms_of_others_know_their_aliases(rule):
    assert '        aliases=get_local_file("aliases"),\n' in RULES[rule]
    script = (WORKFLOW / "scripts" / f"{rule}.py").read_text()
    assert 'aliases=snakemake.input.get("aliases")' in script


@pytest.mark.parametrize("rule", ["plan_tiles", "predict_shard", "merge_track", "call_elements"])
def test_genome_wide_rules_are_measured(rule):
    assert "    benchmark:\n" in RULES[rule]


@pytest.mark.parametrize("rule", RULES)
def test_memory_and_time_grow_with_the_attempt(rule):
    for name, amount in re.findall(r"^        (mem_mb|runtime)=(.+),$", RULES[rule], re.MULTILINE):
        assert amount.startswith(("grow(", "get_")), f"{name}={amount}"


def test_memory_for_windows_grows_with_them(tmp_path):
    """2e8 rows of ReMap are some 5 GB in the file and 30 GB while they are read."""
    names = {"Path": Path}
    exec((WORKFLOW / "rules/common/binding.smk").read_text(), names)
    few, many = tmp_path / "few.parquet", tmp_path / "many.parquet"
    for path, size in ((few, 10**6), (many, 5 * 10**9)):
        with path.open("wb") as stream:
            stream.truncate(size)
    for windows, expected in (([], 16_000), ([few], 16_000), ([few, many, "absent"], 38_006)):
        told = SimpleNamespace(windows=[str(path) for path in windows])
        assert names["get_windows_mem_mb"](None, told, 1) == expected
        assert names["get_windows_mem_mb"](None, told, 2) == 2 * expected
    for rule in ("train_binding", "evaluate_binding"):
        assert "mem_mb=get_windows_mem_mb," in RULES[rule]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_configure_call_end(script):
    tree = ast.parse(script.read_text())
    kinds = {type(node) for node in ast.walk(tree)}
    assert not kinds & {ast.For, ast.While, ast.FunctionDef, ast.Try}
    assert "configure_logging(snakemake.log[0])" in script.read_text()
    assert "snakemake.config" not in script.read_text()
    assert len(script.read_text().splitlines()) <= 45
