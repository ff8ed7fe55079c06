"""What every start of Snakemake loads, twice in each job of a cluster, is little."""

import re
import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"
IMPORT = re.compile(r"^(?:from|import) basewise.*$", re.MULTILINE)
HEAVY = {"jax", "matplotlib", "numba", "scipy", "torch"}


def test_rules_load_nothing_that_computes():
    paths = [WORKFLOW / "Snakefile", *sorted((WORKFLOW / "rules").rglob("*.smk"))]
    lines = [line for path in paths for line in IMPORT.findall(path.read_text())]
    assert len(lines) > 3
    code = "\n".join([*lines, "import sys", "print(*sys.modules)"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()
