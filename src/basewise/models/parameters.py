"""Parameter trees in memory and under published names.

On disk and in published files a parameter is ``module/path|name``, one array per layer. In memory
it is ``{part: {module: {name: leaf}}}``, with the blocks of a transformer stacked for ``lax.scan``
in modules whose names hold ``*`` for the block's number.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

SEGMENTATION_NAMESPACE = "segmentation_head"
STACKED = "*"


def flatten(params: Mapping) -> dict:
    """Return ``{module/path|name: leaf}`` of in-memory parameters, blocks unstacked."""
    flat = {}
    for module, name, leaf in _leaves(params):
        if STACKED not in module:
            flat[f"{module}|{name}"] = leaf
            continue
        for index, path in enumerate(_paths(module, name, leaf)):
            flat[path] = _unstack(leaf, index)
    return flat


def unflatten(flat: MutableMapping[str, np.ndarray], skeleton: Mapping) -> dict:
    """Return in-memory parameters with the structure of ``skeleton`` (arrays or shapes).

    Takes the arrays out of ``flat``, so that none is held twice.
    """
    tree = {part: {module: {} for module in modules} for part, modules in skeleton.items()}
    for part, modules in skeleton.items():
        for module, name, leaf in _leaves({part: modules}):
            if STACKED in module:
                value = np.stack([flat.pop(path) for path in _paths(module, name, leaf)])
            else:
                value = flat.pop(f"{module}|{name}")
            tree[part][module][name] = value
    return tree


def count_parameters(params: Mapping) -> int:
    """Return the number of scalars in a parameter tree (arrays or shapes)."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))


def _leaves(params: Mapping) -> Iterator[tuple[str, str, Any]]:
    for modules in params.values():
        for module, leaves in modules.items():
            for name, leaf in leaves.items():
                yield module, name, leaf


def _paths(module: str, name: str, leaf) -> list[str]:
    """Return the flat names of a stacked leaf, in the order of the blocks."""
    return [f"{module.replace(STACKED, str(index))}|{name}" for index in range(leaf.shape[0])]


def _unstack(leaf, index):
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
    return leaf[index]


def cast_floats(params: Mapping, dtype) -> dict:
    """Return the tree with floating-point leaves in ``dtype``."""
    return jax.tree.map(
        lambda leaf: (
            leaf.astype(dtype, copy=False) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
        ),
        params,
    )
