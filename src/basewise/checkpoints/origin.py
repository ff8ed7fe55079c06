"""Where a checkpoint came from, kept beside it in ``origin.json``. No JAX here."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

ORIGIN_NAME = "origin.json"
SHA256, COMMIT = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: its path there, its size, the sha256 of its bytes in hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint came from, and what it was made of.

    Attributes:
        source: as the configuration names it.
        params_sha256: of the params.safetensors that was made, in hex.
        repository: OWNER/NAME on a hub; None for a directory or its URL.
        revision: the commit there.
        files: of the source, in the order of their paths.
    """

    source: str
    params_sha256: str
    files: tuple[SourceFile, ...]
    repository: str | None = None
    revision: str | None = None

    def __post_init__(self):
        files = tuple(sorted(self.files, key=lambda file: file.path))
        object.__setattr__(self, "files", files)

    @property
    def is_remote(self) -> bool:
        """Whether it came from elsewhere; a local directory is its owner's to change."""
        return "://" in self.source

    def to_dict(self) -> dict:
        """Return plain values, in the order they are read in."""
        files = {file.path: {"bytes": file.bytes, "sha256": file.sha256} for file in self.files}
        values = asdict(self) | {"files": files}
        order = ("source", "repository", "revision", "files", "params_sha256")
        return {key: values[key] for key in order if values[key] is not None}

    @classmethod
    def from_dict(cls, values: object, where: str) -> "Origin":
        """Read what `to_dict` returned.

        Raises:
            BasewiseError: it is not that; `where` names it.
        """
        try:
            files = tuple(
                SourceFile(str(path), int(file["bytes"]), _sha256(file["sha256"]))
                for path, file in values["files"].items()
            )
            repository, revision = values.get("repository"), values.get("revision")
            if repository is not None and not COMMIT.fullmatch(str(revision)):
                raise ValueError(f"revision {revision!r}")
            params_sha256 = _sha256(values["params_sha256"])
            return cls(str(values["source"]), params_sha256, files, repository, revision)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BasewiseError(
                f"{where} is not the origin of a checkpoint",
                found=f"no {error}" if isinstance(error, KeyError) else error,
                hint="Restore it as it was written, or delete it to have it written anew.",
            ) from None


def read_origin(checkpoint: str | os.PathLike) -> Origin | None:
    """Return the origin of a fetched checkpoint; None where nothing tells it.

    Raises:
        BasewiseError: the file that should tell is broken.
    """
    path = Path(checkpoint) / ORIGIN_NAME
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        values = error
    return Origin.from_dict(values, str(path))


def write_origin(checkpoint: str | os.PathLike, origin: Origin) -> None:
    """Write the origin of a checkpoint beside it."""
    with atomic_path(Path(checkpoint) / ORIGIN_NAME) as temporary:
        temporary.write_text(json.dumps(origin.to_dict(), indent=2) + "\n", encoding="utf-8")


def _sha256(text: object) -> str:
    if not SHA256.fullmatch(str(text)):
        raise ValueError(f"sha256 {text!r}")
    return str(text)
