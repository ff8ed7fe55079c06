"""Only the get_ rules speak with the network; what the others run does not even load the means."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEANS = {"aiohttp", "ftplib", "httpx", "httpx2", "huggingface_hub", "requests", "urllib3"}
SPEAKERS = {
    "genome/http.py",
    "genome/ftp.py",
    "checkpoints/refusals.py",
    "checkpoints/repository.py",
    "checkpoints/hub.py",
}
COMPUTE = sorted(
    path.name
    for path in (ROOT / "workflow/scripts").glob("*.py")
    if not path.name.startswith("get_")
)


def imported(path: Path) -> set[str]:
    """Names of the modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def loaded_by(modules: set[str]) -> set[str]:
    """The means of speaking with a network that are loaded once these modules are.

    httpx does not count: blosc2 loads it for tables of its own that lie elsewhere.
    """
    code = f"import sys, {', '.join(sorted(modules))}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return (MEANS - {"httpx"}) & set(done.stdout.split())


def test_few_modules_speak_with_the_network():
    source = ROOT / "src/basewise"
    found = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if MEANS & {name.partition(".")[0] for name in imported(path)}
    }
    assert found == SPEAKERS


def test_compute_jobs_load_no_means_of_doing_so():
    assert {"predict_shard.py", "merge_track.py", "plan_tiles.py"} <= set(COMPUTE)
    names = set().union(*(imported(ROOT / "workflow/scripts" / name) for name in COMPUTE))
    assert loaded_by({name for name in names if name.startswith("basewise")}) == set()
    assert "huggingface_hub" in loaded_by({"basewise.checkpoints.repository"})


@pytest.mark.parametrize("script", COMPUTE)
def test_no_compute_job_fetches(script):
    assert "fetch" not in (ROOT / "workflow/scripts" / script).read_text()
