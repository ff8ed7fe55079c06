"""The arrays of PyTorch checkpoints, under our names and as we hold them."""

from collections.abc import Collection, Mapping
from pathlib import Path

from basewise.checkpoints.published.leaves import Leaf, add_leaf
from basewise.checkpoints.snapshot import Published
from basewise.checkpoints.torch_file import read_torch_layout
from basewise.checkpoints.torch_names import map_names
from basewise.errors import BasewiseError


def read_torch_leaves(path: Path, model: Published) -> dict[str, Leaf]:
    """Return ``{our name: leaf}`` of all arrays that a family knows; reads no values.

    Raises:
        BasewiseError: a broken file, one that asks for anything but tensors, or other names.
    """
    layout = read_torch_layout(path)
    leaves = {}
    for name, (ours, transform) in map_names(layout, model.family, where=str(path)).items():
        array = layout[name]
        if array.dtype.kind != "f":
            raise BasewiseError(f"{path}: {name} should hold floats", found=array.dtype)
        try:
            shape = transform.shape(array.shape)
        except BasewiseError as error:
            raise BasewiseError(f"{path}: {name}: {error}") from None
        add_leaf(leaves, ours, Leaf(path, name, array, shape, transform))
    return leaves


def choose_torch_leaves(
    leaves: Mapping[str, Leaf], expected: Collection[str], model: Published, path: Path
) -> dict[str, Leaf]:
    """Return the leaves that a model has, without parts that its checkpoint has beside them.

    Raises:
        BasewiseError: names that are missing, or not of this model.
    """
    names = [leaf.published for leaf in leaves.values()]
    mapped = map_names(names, model.family, expected=expected, where=str(path))
    return {ours: leaves[ours] for ours, _ in mapped.values()}
