"""A Slurm of our own for the tests of this folder, which are skipped with a reason without one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cluster as slurm_cluster

WHY_NOT = slurm_cluster.why_not()


def pytest_collection_modifyitems(items) -> None:
    """Mark what lies here, and skip it where no Slurm can be started."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.slurm)
        if WHY_NOT:
            item.add_marker(pytest.mark.skip(reason=WHY_NOT))


@pytest.fixture(scope="session")
def offline_cluster():
    """A cluster whose jobs have no network but their own loopback."""
    with slurm_cluster.run_cluster(offline=True) as cluster:
        yield cluster
