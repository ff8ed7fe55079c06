"""The arrays of published files, under our names and still in their files."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basewise.checkpoints.published.names import (
    AVERAGE,
    NAMESPACES,
    UNUSED_STATE,
    guess_family,
    is_left_out,
    normalise_name,
)
from basewise.checkpoints.restricted import read_layout, read_values
from basewise.checkpoints.stand_ins import StoredArray
from basewise.checkpoints.torch_array import TorchArray
from basewise.checkpoints.torch_file import read_torch_values
from basewise.errors import BasewiseError
from basewise.models.zoo import PublishedModel


@dataclass(frozen=True)
class Leaf:
    """One array: where its values are, and what makes ours of them.

    Attributes:
        published: its name in the file.
        shape: of our array.
        transform: values as stored -> our values; None where they are the same.
    """

    path: Path
    published: str
    array: StoredArray
    shape: tuple[int, ...]
    transform: Callable[[np.ndarray], np.ndarray] | None = None


def read_leaves(paths: Iterable[Path], model: PublishedModel) -> dict[str, Leaf]:
    """Return ``{our name: leaf}`` of JAX's files; reads no values and runs nothing.

    Raises:
        BasewiseError: a file that asks for anything but arrays, or is damaged; another structure;
            a leaf that holds no floats; two arrays of one name; arrays of another family.
    """
    leaves = {}
    for path in paths:
        _add_tree(read_layout(path), path, model, leaves)
    return leaves


def _add_tree(tree: object, path: Path, model: PublishedModel, leaves: dict[str, Leaf]) -> None:
    """Add the arrays of a published tree ``{module: {leaf: array}}``."""
    modules = tree if isinstance(tree, dict) else {"the file": tree}
    family = guess_family([module for module in modules if isinstance(module, str)])
    if family and NAMESPACES[family] != NAMESPACES[model.family]:
        raise BasewiseError(
            f"{path} is not that of {model.name}, a {model.family}",
            found=f"arrays of a {family}",
            hint="Name the model that the files are of; basewise models lists those known.",
        )
    for module, held in modules.items():
        for leaf, array in held.items() if isinstance(held, dict) else [("", held)]:
            where = f"{module}|{leaf}"
            is_array = isinstance(array, StoredArray) and array.shape is not None
            if not (isinstance(module, str) and isinstance(leaf, str) and is_array):
                raise BasewiseError(
                    f"{path}: {where} should be an array", found=type(array).__name__
                )
            name = normalise_name(where, model.family)
            if is_left_out(name) or _is_unused(module, leaf, held):
                continue
            if array.dtype.kind != "f":
                raise BasewiseError(f"{path}: {where} should hold floats", found=array.dtype)
            add_leaf(leaves, name, Leaf(path, where, array, array.shape))


def add_leaf(leaves: dict[str, Leaf], name: str, leaf: Leaf) -> None:
    """Add an array under our name.

    Raises:
        BasewiseError: there is one of that name.
    """
    if name in leaves:
        raise BasewiseError(
            f"{leaf.path} holds two arrays for {name}",
            found=f"{leaves[name].published} and {leaf.published}",
        )
    leaves[name] = leaf


def _is_unused(module: str, leaf: str, held: object) -> bool:
    """Whether a leaf of a running average is one that inference never reads."""
    is_average = module.endswith("_ema") and isinstance(held, dict) and AVERAGE in held
    return is_average and leaf in UNUSED_STATE


def read_leaf_values(leaves: Mapping[str, Leaf]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (our name, values) of all leaves, file by file, one array in memory at a time.

    Raises:
        BasewiseError: a file is damaged, or holds numbers that are not finite.
    """
    by_path = defaultdict(dict)
    for name, leaf in leaves.items():
        by_path[leaf.path].setdefault(id(leaf.array), []).append(name)
    for path, names in by_path.items():
        arrays = [leaves[same[0]].array for same in names.values()]
        read = read_torch_values if isinstance(arrays[0], TorchArray) else read_values
        for array, values in read(path, arrays):
            if not np.isfinite(values).all():
                where = leaves[names[id(array)][0]].published
                raise BasewiseError(f"{path}: {where} holds values that are not finite")
            for name in names[id(array)]:
                transform = leaves[name].transform
                yield name, values if transform is None else transform(values)
