"""Fixtures that every test may use."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("basewise", deadline=None, max_examples=60)
settings.load_profile("basewise")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the repository, which a user's clone does not have."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this clone: reference goldens and the yeast genome are not here")
    return SHARED
