"""What a fresh machine installs is pinned, hashed, and names no host."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked_names(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), flags=re.MULTILINE))


def names_of(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", text).group().lower().replace("_", "-") for text in requirements}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_is_a_pin_or_a_hash(lock):
    pins = 0
    for line in lock.read_text().splitlines():
        is_pin = re.fullmatch(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\", line)
        assert is_pin or re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line), line
        pins += bool(is_pin)
    assert pins


def test_the_locks_hold_what_the_package_asks_for():
    extras = PROJECT["optional-dependencies"]
    base = names_of(PROJECT["dependencies"]) | names_of(extras["dev"])
    for name in ("requirements.lock", "requirements-cuda.lock", "requirements-tpu.lock"):
        assert base <= locked_names(ROOT / name), name
    assert "jax-cuda13-plugin" in locked_names(ROOT / "requirements-cuda.lock")
    assert "libtpu" in locked_names(ROOT / "requirements-tpu.lock")


def test_the_oldest_snakemake_is_the_same_to_the_package_and_to_the_workflow():
    snakefile = (ROOT / "workflow/Snakefile").read_text()
    (told,) = re.findall(r'^min_version\("(.+)"\)$', snakefile, flags=re.MULTILINE)
    (asked,) = [text for text in PROJECT["dependencies"] if text.startswith("snakemake>=")]
    assert asked == f"snakemake>={told},<10"


def test_the_conda_environments_pin_this_release():
    version = re.search(r'__version__ = "(.+)"', (ROOT / "src/basewise/__init__.py").read_text())
    for path in (ROOT / "workflow/envs").glob("*.yaml"):
        text = path.read_text()
        assert f"basewise =={version[1]}" in text, path.name
        pins = re.findall(r"^ +- (\w+.*[^:])$", text.split("dependencies:")[1], re.MULTILINE)
        assert all("=" in pin for pin in pins), path.name
