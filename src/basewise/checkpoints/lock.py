"""The lock, ``resources/checkpoints.lock``: what checkpoints from elsewhere must be. No JAX here.

A YAML file for people to read and to commit: the origin of each checkpoint, by name.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from basewise.atomic import atomic_path
from basewise.checkpoints.origin import Origin, SourceFile, read_origin
from basewise.errors import BasewiseError

HEADER = """\
# The checkpoints that come from elsewhere, as they were fetched; written by `snakemake prefetch`.
# Commit it. Whoever runs with it gets these files, or an error. To accept a newer version of one,
# delete its entry here and its directory in resources/checkpoints/, and prefetch again.
# If this file is deleted, it is written anew from what lies in resources/checkpoints/.
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pin:
    """What a lock demands of the checkpoint of one name."""

    lock: str
    name: str
    origin: Origin

    def check_file(self, found: SourceFile) -> None:
        """Raise a BasewiseError unless a file of the source is the one of the lock."""
        pinned = next((file for file in self.origin.files if file.path == found.path), None)
        if pinned != found:
            said = f"{pinned.bytes} bytes with sha256 {pinned.sha256}" if pinned else "no such file"
            raise BasewiseError(
                f"{found.path} of {self.where} is not the one in {self.lock}, which says {said}",
                found=f"{found.bytes} bytes with sha256 {found.sha256}",
                hint=f"Somebody changed it. {self.way_out}",
            )

    def check_params(self, sha256: str) -> None:
        """Raise a BasewiseError unless the parameters made of the files are those of the lock."""
        if sha256 != self.origin.params_sha256:
            raise BasewiseError(
                f"the params.safetensors made of {self.where} is not the one in {self.lock}, "
                f"which says sha256 {self.origin.params_sha256}",
                found=sha256,
                hint="The files are those of the lock, so another version of basewise reads them "
                f"otherwise. {self.way_out}",
            )

    @property
    def where(self) -> str:
        """The source, at its commit if it has one."""
        origin = self.origin
        return f"hf://{origin.repository}@{origin.revision}" if origin.revision else origin.source

    @property
    def way_out(self) -> str:
        """What to do if the change is welcome."""
        return f"To accept what is there now, delete the entry '{self.name}' of {self.lock}."


def find_pin(lock: str | os.PathLike | None, name: str | None, source: str) -> Pin | None:
    """Return what a lock, if there is one, demands of a checkpoint of this name and source.

    An entry of another source is void: the configuration has changed since.

    Raises:
        BasewiseError: as `read_lock`.
    """
    origin = read_lock(lock).get(name) if lock and name else None
    if origin is None:
        return None
    if origin.source != source:
        logger.warning(
            "the entry '%s' of %s is of %s and does not count for %s; "
            "`snakemake prefetch` will write a new one",
            name,
            lock,
            origin.source,
            source,
        )
        return None
    return Pin(str(lock), name, origin)


def read_lock(path: str | os.PathLike) -> dict[str, Origin]:
    """Return the origins of a lock by name of the checkpoint; none where there is no such file.

    Raises:
        BasewiseError: it is no lock: names the line or the entry.
    """
    path = Path(path)
    if not path.is_file():
        return {}
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise BasewiseError(
            f"{path}{line} is not YAML",
            found=getattr(error, "problem", None) or error,
            hint="Was a merge left unfinished? Restore it, or delete it to have it written anew.",
        ) from None
    if not isinstance(entries, dict):
        raise BasewiseError(f"{path} is not a mapping of names", found=type(entries).__name__)
    return {
        str(name): Origin.from_dict(values, f"{path}: entry '{name}'")
        for name, values in entries.items()
    }


def lock_checkpoints(origins: Iterable[str | os.PathLike], lock: str | os.PathLike) -> None:
    """Write where checkpoints came from into the lock, in the order of names.

    Local directories are their owner's to change, and left out. Other entries stay as they are.

    Args:
        origins: the origin.json of each, in a directory named as the checkpoint is.
    """
    folders = [Path(path).parent for path in origins]
    entries = read_lock(lock) | {folder.name: read_origin(folder) for folder in folders}
    plain = {name: entries[name].to_dict() for name in sorted(entries) if entries[name].is_remote}
    with atomic_path(lock) as temporary:
        text = yaml.safe_dump(plain, sort_keys=False, width=1000) if plain else ""
        temporary.write_text(HEADER + text, encoding="utf-8")


def find_difference(pinned: Origin, found: Origin) -> str:
    """What first tells two origins of one source apart, in words."""
    if pinned.revision != found.revision:
        return f"revision {found.revision} instead of {pinned.revision}"
    theirs = {file.path: file for file in pinned.files}
    for file in found.files:
        if theirs.pop(file.path, None) != file:
            return f"another {file.path}, sha256 {file.sha256}"
    if theirs:
        return f"no {', '.join(theirs)}"
    return f"params.safetensors with sha256 {found.params_sha256} instead of {pinned.params_sha256}"
