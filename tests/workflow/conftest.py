"""A working directory with the toy config, and the real command line to run it with."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOY_CHECKPOINT = ROOT / "resources/toy/segment_nt_toy"
COMPILED = ROOT / ".pytest_cache/jobs"  # what jobs compiled, in whichever directory they ran


def _merged(base: dict, over: dict) -> dict:
    """Base with every key of over laid on it, at all depths."""
    both = base | over
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = _merged(base[key], over[key])
    return both


def _toy_config(changes: dict | None = None) -> dict:
    """The toy config with the checkpoint's path made absolute, and changes laid over it."""
    config = yaml.safe_load((ROOT / ".test/config/config.yaml").read_text())
    config["checkpoints"]["segment_nt_toy"]["source"] = str(TOY_CHECKPOINT)
    return _merged(config, changes or {})


@pytest.fixture(scope="session")
def run_snakemake(tmp_path_factory) -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """The command line: run_snakemake(directory, "--dry-run"), output and errors in stdout."""
    output = tmp_path_factory.mktemp("snakemake") / "output"
    server = [sys.executable, str(ROOT / "tests/workflow/warm_snakemake.py")]

    def run(directory: Path, *arguments: str, snakefile: Path = ROOT / "workflow/Snakefile"):
        command = ["--snakefile", str(snakefile), "--cores", "2", "--directory", str(directory)]
        command += map(str, arguments)
        order = {"arguments": command, "environ": dict(os.environ)}
        order |= {"directory": str(ROOT), "output": str(output)}
        print(json.dumps(order), file=warm.stdin, flush=True)
        code = int(warm.stdout.readline())
        return subprocess.CompletedProcess(command, code, output.read_text())

    with subprocess.Popen(
        server, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as warm:
        yield run
        warm.stdin.close()


@pytest.fixture(scope="session")
def toy_checkpoint() -> Path:
    return TOY_CHECKPOINT


@pytest.fixture(scope="session")
def make_directory(tmp_path_factory, toy_checkpoint) -> Callable[..., Path]:
    """A maker of working directories: make_directory({"tiling": {"shards": 3}})."""

    def make(changes: dict | None = None, assemblies: str | None = None) -> Path:
        directory = tmp_path_factory.mktemp("run")
        shutil.copytree(ROOT / ".test/data", directory / "data")
        (directory / "config").mkdir()
        COMPILED.mkdir(parents=True, exist_ok=True)
        (directory / "resources").mkdir()
        (directory / "resources/compilation_cache").symlink_to(COMPILED)
        (directory / "config/config.yaml").write_text(yaml.safe_dump(_toy_config(changes)))
        table = assemblies or (ROOT / ".test/config/assemblies.tsv").read_text()
        (directory / "config/assemblies.tsv").write_text(table)
        return directory

    return make
