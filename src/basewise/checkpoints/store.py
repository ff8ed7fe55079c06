"""Saving parameters, and restoring them strictly: every leaf by name and shape, or not at all."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from basewise.atomic import atomic_path
from basewise.checkpoints.config import (
    CONFIG_NAME,
    PARAMS_NAME,
    hash_checkpoint,
    read_config,
    write_config,
)
from basewise.errors import BasewiseError
from basewise.models import parameters
from basewise.models.families import build_language_model, build_skeleton, build_track_model
from basewise.models.language_model import LanguageModel
from basewise.models.track_model import TrackModel

PARAM_DTYPES = ("float32", "float16", "bfloat16")
_SHOWN = 3


def save_checkpoint(
    checkpoint: str | os.PathLike, config: dict, params: Mapping, *, param_dtype: str = "float32"
) -> None:
    """Write parameters under their published names, and the config that describes them.

    Args:
        param_dtype: how floats are stored; they come back as float32.
    """
    if param_dtype not in PARAM_DTYPES:
        raise BasewiseError(
            "unknown param_dtype",
            found=repr(param_dtype),
            hint=f"Known: {', '.join(PARAM_DTYPES)}.",
        )
    flat = parameters.flatten(parameters.cast_floats(params, np.dtype(param_dtype)))
    arrays = {name: np.ascontiguousarray(leaf) for name, leaf in flat.items()}
    with atomic_path(Path(checkpoint) / PARAMS_NAME) as temporary:
        save_file(arrays, temporary)
    stored = {"param_dtype": param_dtype, "params_sha256": hash_checkpoint(checkpoint)}
    write_config(checkpoint, {**config, **stored})


def load_checkpoint(
    checkpoint: str | os.PathLike, dtype=np.float32
) -> tuple[TrackModel, dict, dict]:
    """Return the track model of a checkpoint, its parameters (float32 tree) and its config.

    Raises:
        BasewiseError: files are missing or broken, or the arrays are not those of the
            architecture: names the first leaves, what was expected and what was found.
    """
    config = read_config(checkpoint)
    model = build_track_model(config, dtype)
    return model, load_parameters(checkpoint), config


def load_language_model(
    checkpoint: str | os.PathLike, dtype=np.float32
) -> tuple[LanguageModel, dict, dict]:
    """Return the language model of a checkpoint, or the one that is its trunk, as above."""
    config = read_config(checkpoint)
    model = build_language_model(config, dtype)
    params = load_parameters(checkpoint)
    return model, {part: params[part] for part in ("edges", "layers")}, config


def load_parameters(checkpoint: str | os.PathLike) -> dict:
    """Return the parameters of a checkpoint, a float32 tree; errors as ``load_checkpoint``."""
    config = read_config(checkpoint)
    skeleton = build_skeleton(config)
    flat = read_arrays(Path(checkpoint) / PARAMS_NAME)
    check_arrays(flat, parameters.flatten(skeleton), where=str(checkpoint))
    _check_values(checkpoint, config)
    return parameters.cast_floats(parameters.unflatten(flat, skeleton), np.float32)


def check_checkpoint(checkpoint: str | os.PathLike) -> dict:
    """Compare a checkpoint's arrays with its config, without holding them.

    Returns:
        ``{name: shape}`` of the arrays.

    Raises:
        BasewiseError: as ``load_checkpoint``.
    """
    config = read_config(checkpoint)
    skeleton = build_skeleton(config)
    with _open(Path(checkpoint) / PARAMS_NAME) as stream:
        found = {name: stream.get_slice(name).get_shape() for name in stream.keys()}  # noqa: SIM118
    shapes = {name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in found.items()}
    check_arrays(shapes, parameters.flatten(skeleton), where=str(checkpoint))
    _check_values(checkpoint, config)
    return found


def _check_values(checkpoint: str | os.PathLike, config: Mapping) -> None:
    """Refuse parameters that are not those that were written, where config.json tells."""
    expected = config.get("params_sha256")
    if expected and (found := hash_checkpoint(checkpoint)) != expected:
        raise BasewiseError(
            f"{Path(checkpoint) / PARAMS_NAME} is not the file that {CONFIG_NAME} speaks of: it "
            f"was damaged or changed since sha256 {expected} was written",
            found=found,
            hint="Fetch or import the checkpoint again.",
        )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file.

    Raises:
        BasewiseError: the file is missing, truncated or not safetensors.
    """
    with _open(path) as stream:
        return {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118


@contextmanager
def _open(path: Path) -> Iterator[safe_open]:
    if not path.is_file():
        raise BasewiseError(f"{path} does not exist", hint=f"It belongs beside {CONFIG_NAME}.")
    try:
        with safe_open(path, framework="numpy") as stream:
            yield stream
    except SafetensorError as error:
        raise BasewiseError(
            f"{path} is truncated or not a safetensors file",
            found=str(error),
            hint="Fetch or import the checkpoint again.",
        ) from None


def check_arrays(
    found: Mapping, expected: Mapping, *, where: str, described_by: str = CONFIG_NAME
) -> None:
    """Compare the names and shapes of arrays with those an architecture needs.

    Args:
        described_by: the file that the architecture comes from, for the error.

    Raises:
        BasewiseError: missing, extra or mis-shaped leaves, with expected and found shapes.
    """
    problems = [
        f"{name} expected {shape_of(expected[name])}, found nothing"
        for name in sorted(set(expected) - set(found))
    ]
    problems += [
        f"{name} expected nothing, found {shape_of(found[name])}"
        for name in sorted(set(found) - set(expected))
    ]
    problems += [
        f"{name} expected {shape_of(expected[name])}, found {shape_of(found[name])}"
        for name in sorted(set(found) & set(expected))
        if tuple(found[name].shape) != tuple(expected[name].shape)
    ]
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise BasewiseError(
            f"{where}: the arrays are not those of its {described_by}: "
            + "; ".join(problems[:_SHOWN])
            + more,
            hint="It describes another model, or the arrays belong to another checkpoint.",
        )


def shape_of(leaf) -> str:
    """Return a shape as text."""
    return "(" + ", ".join(map(str, leaf.shape)) + ")"
