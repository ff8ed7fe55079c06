"""What a run of training needs to go on after a kill: one file, whole or absent.

Arrays are stored by their place in the tree and restored into the tree of a run that has just
started, so that a state of another model or optimiser is noticed and not used.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

STATE_NAME, BEST_NAME = "state.safetensors", "best.safetensors"
_RECORD = "basewise"


def save_state(path: Path, tree: Any, record: Mapping) -> None:
    """Write the arrays of a tree, and a record of plain values."""
    arrays = {
        name: np.asarray(jax.device_get(leaf), order="C") for name, leaf in _named(tree).items()
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, metadata={_RECORD: json.dumps(record)})


def read_record(path: Path) -> dict | None:
    """Return the record of a state, or None where there is no state."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as stream:
            return json.loads((stream.metadata() or {})[_RECORD])
    except (SafetensorError, KeyError, ValueError) as error:
        raise BasewiseError(
            f"{path} is no state of training", found=str(error), hint="Remove it to start afresh."
        ) from None


def load_state(path: Path, like: Any) -> Any:
    """Return a tree as ``like`` with the arrays that were saved.

    Raises:
        BasewiseError: the arrays are those of another model or optimiser.
    """
    with safe_open(path, framework="numpy") as stream:
        found = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    wanted = _named(like)
    differing = sorted(
        name
        for name in found.keys() | wanted.keys()
        if name not in found
        or name not in wanted
        or (found[name].shape, found[name].dtype)
        != (np.shape(wanted[name]), np.dtype(wanted[name].dtype))
    )
    if differing:
        raise BasewiseError(
            f"{path} is the state of another model or optimiser",
            found=f"{len(differing)} other arrays, {differing[0]} first",
            hint="Go on with the settings of before, or remove it to start afresh.",
        )
    leaves = [found[name] for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _named(tree: Any) -> dict[str, Any]:
    pairs, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path): leaf for path, leaf in pairs}
