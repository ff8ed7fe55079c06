"""Make installs the lock that is asked for, and keeps the one that is there otherwise."""

import os
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEFAULT, CUDA = "requirements.lock", "requirements-cuda.lock"


def planned(venv: Path, *arguments: str) -> str:
    """The commands of a dry run, with nothing of a `make` that runs the tests."""
    command = ["make", "--no-print-directory", "-n", f"VENV={venv}", *arguments]
    made = {"MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "LOCK", "PYTHON", "CORES"}
    environ = {name: value for name, value in os.environ.items() if name not in made}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def install(tmp_path):
    """A function that makes a finished installation of a lock."""

    def make(lock: str) -> Path:
        for name in (".python", f".installed-{lock}"):
            (tmp_path / name).touch()
            later = time.time() + 3600
            os.utime(tmp_path / name, (later, later))
        return tmp_path

    return make


def test_a_second_install_does_nothing(install):
    assert "pip install" not in planned(install(DEFAULT), "install")


@pytest.mark.parametrize(("there", "asked"), [(DEFAULT, CUDA), (CUDA, DEFAULT)])
def test_another_lock_is_installed_when_asked_for(install, there, asked):
    venv = install(there)
    text = planned(venv, "install", f"LOCK={asked}")
    assert f"--requirement {asked}" in text
    assert f"rm -f {venv}/.installed*" in text
    assert text.index("rm -f") < text.index(f"touch {venv}/.installed-{asked}")


def test_the_lock_that_is_there_is_kept(install):
    assert "pip install" not in planned(install(CUDA), "test-fast")


def test_a_fresh_machine_gets_the_default_lock(tmp_path):
    assert f"--requirement {DEFAULT}" in planned(tmp_path, "install")


def test_bench_needs_no_reference_data(install):
    venv = install(DEFAULT)
    assert "bench_yeast" not in planned(venv, "bench")
    assert "benchmarks/run.py" in planned(venv, "bench")
    assert "bench_yeast.py --write" in planned(venv, "bench-yeast")


def test_pytorch_is_installed_for_parity_alone(install):
    venv = install(DEFAULT)
    assert "uv pip install" not in planned(venv, "test")
    text = planned(venv, "parity")
    assert f"VIRTUAL_ENV={venv}/parity" in text
    assert "--requirement requirements-parity.txt --torch-backend cpu ||" in text
    assert text.rstrip().endswith("-m parity")
