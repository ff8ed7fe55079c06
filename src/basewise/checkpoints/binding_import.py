"""The weights of lucidrains/tf-bind-transformer as the parameters of a binding model.

Its trunk is an Enformer of enformer_pytorch, every array of which it saves twice.
"""

import os
import re
from collections.abc import Iterable, Mapping

import jax
import numpy as np

from basewise.checkpoints.store import check_arrays
from basewise.checkpoints.torch_file import read_torch_layout, read_torch_values
from basewise.checkpoints.torch_names import map_names
from basewise.checkpoints.torch_tables import KINDS, LINEAR, Transform
from basewise.models import parameters
from basewise.models.binding.adapter import HEADS_NAMESPACE
from basewise.models.binding.model import BindingModel

HEAD = re.compile(r"(?:.*\.)?_heads\.(?P<head>[^.]+)\.0\.(?P<leaf>weight|bias)")


def map_binding_names(
    names: Iterable[str], expected: Iterable[str], *, where: str = "the checkpoint"
) -> dict[str, tuple[str, Transform]]:
    """Return ``{PyTorch's name: (our flat name, how to turn the array)}``.

    Args:
        expected: our flat names of the model. Heads it does not have are left out.

    Raises:
        BasewiseError: names that are unknown, lack, or are there twice.
    """
    expected = set(expected)
    heads, others = {}, []
    for name in names:
        match = HEAD.fullmatch(name)
        leaf, transform = KINDS["linear"][match["leaf"]] if match else ("", LINEAR)
        ours = f"{HEADS_NAMESPACE}/{match['head']}{leaf}" if match else ""
        if ours in expected:
            heads[name] = (ours, transform)
        else:
            others.append(name)
    rest = {name for name in expected if not name.startswith(f"{HEADS_NAMESPACE}/")}
    return map_names(others, "binding", expected=rest, where=where) | heads


def take_binding_arrays(
    arrays: Mapping[str, np.ndarray], model: BindingModel, *, where: str = "the checkpoint"
) -> dict:
    """Return the model's float32 parameters of a state dict's arrays.

    Raises:
        BasewiseError: names or shapes that are not the model's, the first of them named.
    """
    skeleton = jax.eval_shape(model.init, jax.random.key(0))
    expected = parameters.flatten(skeleton)
    mapped = map_binding_names(arrays, expected, where=where)
    flat = {
        ours: np.asarray(transform(arrays[name]), np.float32)
        for name, (ours, transform) in mapped.items()
    }
    check_arrays(flat, expected, where=where, described_by="config")
    return parameters.unflatten(flat, skeleton)


def read_binding_state(path: str | os.PathLike, model: BindingModel) -> dict:
    """Return the model's parameters of a state dict in a file, without PyTorch.

    Args:
        path: as `read_torch_layout`.

    Raises:
        BasewiseError: a file that is not read; names or shapes that are not the model's.
    """
    layout = read_torch_layout(path)
    values = {id(array): value for array, value in read_torch_values(path, layout.values())}
    arrays = {name: values[id(array)] for name, array in layout.items()}
    return take_binding_arrays(arrays, model, where=str(path))
