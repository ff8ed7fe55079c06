"""What the documentation says is tested, is tested: every test it names is one that pytest runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from basewise.models.zoo import ZOO

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/models.md"
COLUMNS = ["architecture", "tokenizer", "parameters", "import: joblib", "import: PyTorch"]
COLUMNS.append("workflow")
LAYOUTS = {"g": 4, "h": 2}  # cases of a model, where there is more than one


def read_rows(header: str) -> dict[str, list[str]]:
    """The table below a header of the page: {first cell: the others}, without backticks."""
    lines = PAGE.read_text().splitlines()
    rows = {}
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            return rows
        first, *others = (cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
        rows[first] = others
    return rows


@pytest.fixture(scope="module")
def tests() -> dict[str, str]:
    """Letter -> the test it stands for."""
    return {letter: test for letter, (test,) in read_rows("| | test |").items()}


@pytest.fixture(scope="module")
def collected(tests) -> dict[str, list[list[str]]]:
    """Test -> the cases that pytest runs it for, each as the parts of what is in brackets."""
    files = sorted({test.partition("::")[0] for test in tests.values()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = {}
    for test, case in re.findall(r"^(tests/\S+?::\w+)(?:\[(.+)\])?$", done.stdout, re.MULTILINE):
        cases.setdefault(test, []).append(case.split("-"))
    return cases


def test_the_table_names_every_model_and_tests_that_run(tests, collected):
    rows = read_rows(f"| model | {' | '.join(COLUMNS)} |")
    assert list(rows) == list(ZOO)
    used = set()
    for model, cells in rows.items():
        assert len(cells) == len(COLUMNS)
        for column, cell in zip(COLUMNS, cells, strict=True):
            assert cell, f"{model}: no test of {column}"
            for name in cell.split(", "):
                letter, case = re.fullmatch(r"([a-z])(?:\[(\w+)\])?", name).groups()
                known = collected.get(tests[letter], [])
                found = [parts for parts in known if parts == [""] or (case or model) in parts]
                assert len(found) == LAYOUTS.get(letter, 1), f"{model}, {column}: {name}"
                used.add(letter)
    assert used == set(tests), "a test is named that no model has"


def test_the_table_names_the_tokenizer_and_the_case_of_each_model(published_writer):
    for model, (architecture, tokenizer, *_) in read_rows(
        f"| model | {' | '.join(COLUMNS)} |"
    ).items():
        assert tokenizer == f"e[{ZOO[model].architecture.get('tokenizer', 'single_nt')}]"
        case = published_writer.CASES[model]
        alone = {"enformer": "c", "borzoi": "d", "segment": "b[segment]"}
        assert architecture == alone.get(case, f"a[{case}]")
