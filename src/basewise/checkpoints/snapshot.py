"""Where the published files of a model lie, and which model and revision they are of."""

import os
from collections.abc import Iterable
from pathlib import Path

from basewise.errors import BasewiseError, nearest
from basewise.models.zoo import ZOO, PublishedModel

HYPERPARAMS = "hyperparams.json"


def find_model(name: str) -> PublishedModel:
    """Return a model of the zoo.

    Raises:
        BasewiseError: there is none of that name.
    """
    if name not in ZOO:
        hint = nearest(name, ZOO)
        raise BasewiseError("unknown published model", found=repr(name), hint=hint)
    return ZOO[name]


def find_files(
    source: str | os.PathLike | Iterable[str | os.PathLike], model: PublishedModel
) -> tuple[Path, Path]:
    """Return the weights and the hyperparams.json of a snapshot directory or of given files.

    Raises:
        BasewiseError: one of them is not there.
    """
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    folder = Path(model.files[0].weights[0].path).parent
    found = {}
    for name in (model.files[0].weights[0].name, HYPERPARAMS):
        candidates = [
            candidate
            for path in map(Path, given)
            for candidate in (
                (path / folder / name, path / name)
                if path.is_dir()
                else (path,) * (path.name == name) + (path.with_name(name),)
            )
        ]
        found[name] = next((path for path in candidates if path.is_file()), None)
        if found[name] is None:
            raise BasewiseError(
                f"{name} of {model.name} is missing",
                found=f"none in {', '.join(map(str, given))}",
                hint=f"Give the directory that holds {folder}/, or both files.",
            )
    return tuple(found.values())


def read_revision(weights: Path) -> str | None:
    """Return the revision that a path …/snapshots/<revision>/… names, or None."""
    parts = weights.absolute().parts
    if "snapshots" in parts[:-2]:
        return parts[parts.index("snapshots") + 1]
    return None
