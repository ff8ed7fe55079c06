"""Whether published files are those of the model they are said to be."""

import logging
from collections.abc import Mapping

import numpy as np

from basewise.checkpoints.published.names import AVERAGE
from basewise.checkpoints.snapshot import Found
from basewise.errors import BasewiseError
from basewise.models.parameters import SEGMENTATION_NAMESPACE
from basewise.models.zoo import ZOO, PublishedModel

SHA256_SHOWN = 8

logger = logging.getLogger(__name__)


def check_identity(
    model: PublishedModel,
    found: Found,
    hashes: list[str],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuse files that are certainly those of another model; warn of a file nobody knows.

    Args:
        hashes: sha256 of the files of `found.members`.
        shapes: of their arrays, by our names.

    Raises:
        BasewiseError: another model's, by their sha256, number of parameters, or head.
    """
    for (_, path), sha256 in zip(found.members, hashes, strict=True):
        for other in ZOO.values():
            if other is not model and sha256.startswith(tuple(_prefixes(other))):
                raise BasewiseError(
                    f"{path} is not that of {model.name}", found=f"the one of {other.name}"
                )
    n_scalars = count_scalars(shapes)
    if n_scalars == model.parameters:
        for file, path, sha256 in zip(found.files.weights, found.weights, hashes, strict=False):
            if file.sha256_prefix and not sha256.startswith(file.sha256_prefix):
                logger.warning(
                    "%s is not the file this version knows: sha256 %s…, not %s…",
                    path,
                    sha256[:SHA256_SHOWN],
                    file.sha256_prefix,
                )
    same_size = [other.name for other in ZOO.values() if other.parameters == n_scalars]
    if same_size and model.name not in same_size:
        raise BasewiseError(
            f"{found} is not {model.name}",
            found=f"{n_scalars} parameters, as {' and '.join(same_size)} has",
        )
    needs_head = bool(model.features)
    has_head = any(name.startswith(f"{SEGMENTATION_NAMESPACE}/") for name in shapes)
    if needs_head != has_head:
        raise BasewiseError(
            f"{found} is not that of {model.name}",
            found="no segmentation head in it" if needs_head else "a segmentation head in it",
            hint="Name the model that the files are of; basewise models lists those known.",
        )


def count_scalars(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Return the number of parameters, running averages left out."""
    return sum(
        int(np.prod(shape)) for name, shape in shapes.items() if not name.endswith(f"|{AVERAGE}")
    )


def _prefixes(model: PublishedModel) -> list[str]:
    files = (file for files in model.files for file in files.members)
    return [file.sha256_prefix for file in files if file.sha256_prefix]
