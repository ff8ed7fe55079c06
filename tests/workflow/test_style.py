"""The workflow keeps its shape: short Snakefile, complete rules, scripts that call one function."""

import ast
import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("rule", ["plan_tiles", "predict_shard", "merge_track", "call_elements"])
def test_genome_wide_rules_are_measured(rule):
    assert "    benchmark:\n" in RULES[rule]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_configure_call_end(script):
    tree = ast.parse(script.read_text())
    kinds = {type(node) for node in ast.walk(tree)}
    assert not kinds & {ast.For, ast.While, ast.FunctionDef, ast.Try}
    assert "configure_logging(snakemake.log[0])" in script.read_text()
    assert "snakemake.config" not in script.read_text()
    assert len(script.read_text().splitlines()) <= 45
