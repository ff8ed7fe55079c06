"""Importing published checkpoints: a joblib file of arrays and its hyperparams.json.

Nothing of the joblib file is executed, and one array at a time is in memory.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path
from basewise.checkpoints.config import CONFIG_NAME, PARAMS_NAME, write_config
from basewise.checkpoints.hyperparams import check_sizes, read_hyperparams, to_architecture
from basewise.checkpoints.restricted import StoredArray, read_layout, read_values
from basewise.checkpoints.snapshot import HYPERPARAMS, find_files, find_model, read_revision
from basewise.checkpoints.store import check_arrays
from basewise.checkpoints.writer import write_floats
from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.models.describe import element_tracks
from basewise.models.families import build_skeleton
from basewise.models.parameters import SEGMENTATION_NAMESPACE, flatten, normalise_name
from basewise.models.zoo import ZOO, PublishedModel

SHA256_SHOWN = 8

logger = logging.getLogger(__name__)


def import_checkpoint(
    source: str | os.PathLike | Iterable[str | os.PathLike],
    model_name: str,
    checkpoint: str | os.PathLike,
    *,
    revision: str | None = None,
) -> None:
    """Turn the published files of a model into a checkpoint directory.

    Args:
        source: the directory of a Hub snapshot, or the files (weights and hyperparams.json); the
            weights may be compressed, their names old or new, below any prefix.
        model_name: which model of the zoo the files are.
        revision: of the repository; None reads it off the path of a Hub cache, where it can.

    Raises:
        BasewiseError: an unknown model, missing files, a file that asks for anything but arrays,
            hyperparameters that lack a key or contradict the arrays, or arrays that are not those
            of the model; then the directory is as it was.
    """
    model = find_model(model_name)
    weights, hyperparams = find_files(source, model)
    logger.warning(
        "%s by %s is published under %s: its weights, and what you make with them, are yours "
        "to use within that licence only",
        model.name,
        model.source,
        model.licence,
    )
    files = [
        {
            "path": f"{Path(model.files[0].weights[0].path).parent}/{path.name}",
            "bytes": path.stat().st_size,
            "sha256": verify_checksum(path, None),
        }
        for path in (weights, hyperparams)
    ]
    arrays = name_arrays(read_layout(weights), weights)
    shapes = {name: array.shape for name, array in arrays.items()}
    _check_model(model, shapes, weights, files[0]["sha256"])
    config = model.to_config()
    is_segmentation = "features" in config["architecture"]
    values = read_hyperparams(hyperparams, is_segmentation=is_segmentation)
    config["architecture"] = to_architecture(values, config["architecture"])
    both = f"{hyperparams} and {weights.name}"
    check_sizes(config["architecture"], values, shapes, both)
    if is_segmentation:
        tracks = element_tracks(tuple(config["architecture"]["features"]))
        config["tracks"] = [track.to_dict() for track in tracks]
    _check_tree(config, arrays, weights)
    _write(
        Path(checkpoint),
        config
        | {
            "revision": revision or read_revision(weights),
            "files": files,
            "param_dtype": "float32",
        },
        arrays,
        weights,
    )
    n_scalars = sum(int(np.prod(shape)) for shape in shapes.values())
    logger.info("imported %s: %d arrays, %d parameters", model.name, len(shapes), n_scalars)


def name_arrays(tree: object, path: Path) -> dict[str, StoredArray]:
    """Return ``{our name: array}`` of a published tree ``{module: {name: array}}``.

    Raises:
        BasewiseError: another structure, a leaf that holds no floats, or two arrays of one name.
    """
    modules = tree if isinstance(tree, dict) else {"the file": tree}
    named, published = {}, {}
    for module, leaves in modules.items():
        for leaf, array in leaves.items() if isinstance(leaves, dict) else [("", leaves)]:
            where = f"{module}|{leaf}"
            is_array = isinstance(array, StoredArray) and array.shape is not None
            if not (isinstance(module, str) and isinstance(leaf, str) and is_array):
                raise BasewiseError(
                    f"{path}: {where} should be an array", found=type(array).__name__
                )
            if array.dtype.kind != "f":
                raise BasewiseError(f"{path}: {where} should hold floats", found=array.dtype)
            name = normalise_name(where)
            if name in named:
                raise BasewiseError(
                    f"{path} holds two arrays for {name}", found=f"{published[name]} and {where}"
                )
            named[name], published[name] = array, where
    return named


def _check_model(model: PublishedModel, shapes: Mapping, weights: Path, sha256: str) -> None:
    """Refuse files that are certainly those of another model."""
    for other in ZOO.values():
        prefix = other.files[0].weights[0].sha256_prefix
        if other is not model and prefix and sha256.startswith(prefix):
            raise BasewiseError(
                f"{weights} is not that of {model.name}", found=f"the one of {other.name}"
            )
    prefix = model.files[0].weights[0].sha256_prefix
    if prefix and not sha256.startswith(prefix):
        n_scalars = sum(int(np.prod(shape)) for shape in shapes.values())
        if n_scalars == model.parameters:
            logger.warning(
                "%s is not the file this version knows: sha256 %s…, not %s…",
                weights,
                sha256[:SHA256_SHOWN],
                prefix,
            )
    needs_head = "features" in model.to_config()["architecture"]
    has_head = any(name.startswith(f"{SEGMENTATION_NAMESPACE}/") for name in shapes)
    if needs_head != has_head:
        raise BasewiseError(
            f"{weights} is not that of {model.name}",
            found="no segmentation head in it" if needs_head else "a segmentation head in it",
            hint="Name the model that the files are of; basewise models lists those known.",
        )


def _check_tree(config: dict, arrays: Mapping[str, StoredArray], weights: Path) -> None:
    skeleton = build_skeleton(config)
    check_arrays(arrays, flatten(skeleton), where=str(weights), described_by=HYPERPARAMS)


def _write(
    checkpoint: Path, config: dict, arrays: Mapping[str, StoredArray], weights: Path
) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    with atomic_path(checkpoint / PARAMS_NAME) as temporary:
        write_floats(temporary, shapes, _values(arrays, weights))
        (checkpoint / CONFIG_NAME).unlink(missing_ok=True)  # it may describe other parameters
    write_config(checkpoint, config)


def _values(arrays: Mapping[str, StoredArray], path: Path) -> Iterator[tuple[str, np.ndarray]]:
    names = defaultdict(list)
    for name, array in arrays.items():
        names[id(array)].append(name)
    for array, values in read_values(path, arrays.values()):
        for name in names[id(array)]:
            if not np.isfinite(values).all():
                raise BasewiseError(f"{path}: {name} holds values that are not finite")
            yield name, values
