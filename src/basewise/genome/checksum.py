"""Checksums of files: written "sha256:<hex>" or "md5:<hex>", computed while bytes pass by."""

import hashlib
import re
from os import PathLike
from pathlib import Path

from basewise.errors import BasewiseError

HEX_DIGITS = {"sha256": 64, "md5": 32}


class Digest:
    """The sha256 of the bytes seen so far, and their agreement with an expected checksum."""

    def __init__(self, checksum: str | None = None):
        self.algorithm, self.expected = parse_checksum(checksum) or ("sha256", None)
        self._sha256 = hashlib.sha256()
        self._asked = (
            self._sha256 if self.algorithm == "sha256" else hashlib.md5(usedforsecurity=False)
        )

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self._sha256.update(data)
        if self._asked is not self._sha256:
            self._asked.update(data)

    def update_file(self, path: str | PathLike) -> "Digest":
        """Take in all bytes of a file."""
        with open(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                self.update(chunk)
        return self

    @property
    def sha256(self) -> str:
        """The sha256 so far, in hex."""
        return self._sha256.hexdigest()

    @property
    def agrees(self) -> bool:
        """Whether the bytes so far are those of the expected checksum, if there is one."""
        return self.expected is None or self._asked.hexdigest() == self.expected

    def check(self, source: str) -> None:
        """Raise a BasewiseError naming source, expected and found checksum unless they agree."""
        if not self.agrees:
            raise BasewiseError(
                f"{source} is not the expected file: its {self.algorithm} should be "
                f"{self.expected}",
                found=self._asked.hexdigest(),
                hint="The source has changed, or the checksum is that of another file",
            )


def parse_checksum(checksum: str | None) -> tuple[str, str] | None:
    """Split "sha256:<hex>" or "md5:<hex>" into algorithm and lower-case digest; None for none."""
    if not checksum:
        return None
    algorithm, _, digest = str(checksum).strip().lower().partition(":")
    if len(digest) != HEX_DIGITS.get(algorithm) or not re.fullmatch("[0-9a-f]+", digest):
        raise BasewiseError(
            "A checksum is not understood",
            found=repr(checksum),
            hint='Write "sha256:" and 64 hex digits, or "md5:" and 32',
        )
    return algorithm, digest


def verify_checksum(path: str | PathLike, checksum: str | None) -> str:
    """The sha256 of a local file, once it agrees with the checksum (which may be None)."""
    digest = Digest(checksum)
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    try:
        digest.update_file(path)
    except PermissionError as error:
        raise BasewiseError(f"{path} cannot be read", found=error.strerror) from None
    digest.check(str(path))
    return digest.sha256
