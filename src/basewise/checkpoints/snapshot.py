"""Where the published files of a model lie, and which model and revision they are of."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from basewise.checkpoints.torch_file import INDEX_SUFFIX, torch_files
from basewise.errors import BasewiseError, nearest
from basewise.models.zoo import (
    ENCODERS,
    ZOO,
    FileSet,
    PublishedEncoder,
    PublishedFile,
    PublishedModel,
)

Published = PublishedModel | PublishedEncoder


@dataclass(frozen=True)
class Found:
    """A set of published files on the local disk.

    Attributes:
        weights: in the order of ``files.weights``; of PyTorch weights in shards, their index.
        settings: the JSON file beside them; None where there is none and none is needed.
        others: those of ``files.others`` that are there: where in the repository, and here.
    """

    files: FileSet
    weights: tuple[Path, ...]
    settings: Path | None
    others: tuple[tuple[str, Path], ...] = ()

    @property
    def members(self) -> list[tuple[str, Path]]:
        """All of them, weights first: where each is in its repository, and here."""
        here = [
            (PurePosixPath(file.path).with_name(part.name).as_posix(), part)
            for file, path in zip(self.files.weights, self.weights, strict=True)
            for part in torch_files(path)
        ]
        settings = [(self.files.settings.path, self.settings)] if self.settings else []
        return here + settings + list(self.others)

    def __str__(self) -> str:
        names = [path.name for path in self.weights]
        return " and ".join(map(str, [self.settings, *names] if self.settings else self.weights))


def find_model(name: str) -> Published:
    """Return a model of the zoo, or an encoder.

    Raises:
        BasewiseError: there is none of that name.
    """
    known = ZOO | ENCODERS
    if name not in known:
        hint = nearest(name, known)
        raise BasewiseError("unknown published model", found=repr(name), hint=hint)
    return known[name]


def find_files(source: str | os.PathLike | Iterable[str | os.PathLike], model: Published) -> Found:
    """Return the first complete set of a model's files in a snapshot directory or of given files.

    A file that is given by name settles which set is meant; the others may lie beside it.

    Raises:
        BasewiseError: no set is complete; names what is missing.
    """
    given = [Path(path) for path in ([source] if isinstance(source, str | os.PathLike) else source)]
    named = {path.name.removesuffix(INDEX_SUFFIX) for path in given if not path.is_dir()}
    meant = [files for files in model.files if named & {file.name for file in files.weights}]
    missing = []
    for files in meant or model.files:
        weights = [_locate(file, given) for file in files.weights]
        settings = _locate(files.settings, given) if files.settings else None
        wanted = [*zip(files.weights, weights, strict=True)]
        if files.needs_settings:
            wanted.append((files.settings, settings))
        lacking = [file for file, path in wanted if path is None]
        if not lacking:
            others = [(file.path, _locate(file, given)) for file in files.others]
            there = tuple((file, path) for file, path in others if path)
            return Found(files, tuple(weights), settings, there)
        if any(path for path in weights) or meant:
            missing += lacking
    raise _missing(model, missing, given)


def _locate(file: PublishedFile, given: list[Path]) -> Path | None:
    """Return where a file is: in a directory, as in its repository or not; itself; or beside.

    Where it is in shards, that is their index.
    """
    for name in (file.name, file.name + INDEX_SUFFIX):
        for path in given:
            if path.is_dir():
                candidates = [(path / file.path).with_name(name), path / name]
            else:
                candidates = [path] * (path.name == name) + [path.with_name(name)]
            for candidate in candidates:
                if candidate.is_file():
                    return candidate
    return None


def _missing(model: Published, missing: list[PublishedFile], given: list[Path]) -> BasewiseError:
    sets = [" and ".join(file.path for file in files.weights) for files in model.files]
    if missing:
        what = " and ".join(dict.fromkeys(file.name for file in missing))
        missing_what = f"{what} of {model.name} {'are' if ' and ' in what else 'is'} missing"
    else:
        missing_what = f"the files of {model.name} are missing"
    return BasewiseError(
        missing_what,
        found=f"none in {', '.join(map(str, given))}",
        hint=f"Give the directory that holds {', or '.join(sets)}, or the files themselves.",
    )


def read_revision(weights: Path) -> str | None:
    """Return the revision that a path …/snapshots/<revision>/… names, or None."""
    parts = weights.absolute().parts
    if "snapshots" in parts[:-2]:
        return parts[parts.index("snapshots") + 1]
    return None
