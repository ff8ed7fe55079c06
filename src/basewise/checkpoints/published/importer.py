"""Importing published checkpoints: arrays under our names, and a config.json that describes them.

Nothing of a published file is executed, and one array at a time is in memory.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.checkpoints.config import CONFIG_NAME, PARAMS_NAME, write_config
from basewise.checkpoints.published.encoders import describe_encoder
from basewise.checkpoints.published.identity import check_identity, count_scalars
from basewise.checkpoints.published.kmer import describe_kmer
from basewise.checkpoints.published.leaves import Leaf, read_leaf_values, read_leaves
from basewise.checkpoints.published.one_hot import describe_one_hot
from basewise.checkpoints.published.overrides import Overrides
from basewise.checkpoints.published.torch_leaves import choose_torch_leaves, read_torch_leaves
from basewise.checkpoints.snapshot import Found, find_files, find_model, read_revision
from basewise.checkpoints.store import check_arrays
from basewise.checkpoints.writer import write_floats
from basewise.genome.checksum import verify_checksum
from basewise.models.describe import element_tracks
from basewise.models.families import build_skeleton
from basewise.models.parameters import flatten
from basewise.models.zoo import PublishedEncoder, PublishedModel
from basewise.models.zoo.files import TORCH

logger = logging.getLogger(__name__)


def import_checkpoint(
    source: str | os.PathLike | Iterable[str | os.PathLike],
    model_name: str,
    checkpoint: str | os.PathLike,
    *,
    revision: str | None = None,
    overrides: Overrides = None,
) -> None:
    """Turn the published files of a model into a checkpoint directory.

    Args:
        source: the directory of a Hub snapshot, or the files: JAX's (compressed or not, names old
            or new, below any prefix) or PyTorch's. Of several sets the zoo's first one is taken.
        model_name: which model of the zoo the files are; their sizes may be others.
        revision: of the repository; None reads it off the path of a Hub cache, where it can.
        overrides: a JSON file, or its content, with fields of the model's configuration that
            neither settings nor arrays tell, or that should differ.

    Raises:
        BasewiseError: an unknown model, missing files, a file that asks for anything but arrays,
            settings that lack a key or contradict the arrays, or arrays that are not those of the
            model; then the directory is as it was.
    """
    model = find_model(model_name)
    found = find_files(source, model)
    logger.warning(
        "%s by %s is published under %s: its weights, and what you make with them, are yours "
        "to use within that licence only",
        model.name,
        model.source,
        model.licence,
    )
    if found.files.layout == TORCH:
        leaves = read_torch_leaves(found.weights[0], model)
    else:
        leaves = read_leaves(found.weights, model)
    files = _hash_files(found)
    shapes = {name: leaf.shape for name, leaf in leaves.items()}
    if isinstance(model, PublishedEncoder):
        config = describe_encoder(model, found, overrides)
    else:
        check_identity(model, found, [file["sha256"] for file in files], shapes)
        config = _describe(model, found, shapes, overrides)
    expected = flatten(build_skeleton(config))
    if found.files.layout == TORCH:
        leaves = choose_torch_leaves(leaves, expected, model, found.weights[0])
    described_by = found.settings.name if found.settings else "configuration"
    check_arrays(leaves, expected, where=str(found), described_by=described_by)
    origin = {
        "revision": revision or read_revision(found.weights[0]),
        "files": files,
        "param_dtype": "float32",
    }
    _write(Path(checkpoint), config | origin, leaves)
    n_scalars = count_scalars({name: leaf.shape for name, leaf in leaves.items()})
    logger.info("imported %s: %d arrays, %d parameters", model.name, len(leaves), n_scalars)


def _hash_files(found: Found) -> list[dict]:
    return [
        {
            "path": published,
            "bytes": path.stat().st_size,
            "sha256": verify_checksum(path, None),
        }
        for published, path in found.members
    ]


def _describe(model: PublishedModel, found: Found, shapes: Mapping, overrides: Overrides) -> dict:
    """Return the config.json of a model in the sizes that its files have."""
    describe = describe_kmer if model.alphabet.endswith("-mer") else describe_one_hot
    described = describe(
        model,
        shapes,
        layout=found.files.layout,
        settings=found.settings,
        overrides=overrides,
        files=str(found),
    )
    config = model.to_config() | described
    spec = described.get("tile_spec")
    config["tile_spec"] = spec.to_dict() if spec else None
    features = config["architecture"].get("features", [])
    config["tracks"] = [track.to_dict() for track in element_tracks(tuple(features))]
    config["untrained_tracks"] = [name for name in model.untrained_tracks if name in features]
    return config


def _write(checkpoint: Path, config: dict, leaves: Mapping[str, Leaf]) -> None:
    shapes = {name: leaf.shape for name, leaf in leaves.items()}
    with atomic_path(checkpoint / PARAMS_NAME) as temporary:
        write_floats(temporary, shapes, read_leaf_values(leaves))
        written = {"params_sha256": verify_checksum(temporary, None)}
        (checkpoint / CONFIG_NAME).unlink(missing_ok=True)  # it may describe other parameters
    write_config(checkpoint, config | written)
