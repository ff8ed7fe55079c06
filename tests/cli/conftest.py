"""Published checkpoints in small, for the commands that read them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def published_writer() -> ModuleType:
    """The functions of tests/published_writer.py."""
    path = Path(__file__).resolve().parents[1] / "published_writer.py"
    spec = importlib.util.spec_from_file_location("published_writer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
