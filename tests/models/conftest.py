"""Reference cases: inputs, parameters and outputs of small published architectures."""

import json

import numpy as np
import pytest

from basewise.checkpoints.published.names import normalise_name


@pytest.fixture(scope="session")
def manifest(shared):
    """What each reference case is: its config, its shapes."""
    return json.loads((shared / "goldens" / "golden_nt_manifest.json").read_text())["cases"]


@pytest.fixture(scope="session")
def load_golden(shared):
    """A function case -> (all arrays, parameters under our names)."""

    def load(case: str) -> tuple[dict, dict]:
        with np.load(shared / "goldens" / f"golden_nt_{case}.npz") as archive:
            arrays = dict(archive)
        kept = {
            key[2:]: value
            for key, value in arrays.items()
            if key.startswith("p:") or (key.startswith("s:") and key.endswith("|average"))
        }
        return arrays, {normalise_name(key): kept[key] for key in kept}

    return load
