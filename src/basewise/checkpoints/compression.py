"""Reading a file forwards, whatever it is compressed with; what that is, its first bytes tell."""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from basewise.errors import BasewiseError

CHUNK_BYTES = 1 << 20
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)  # what readers say of damaged streams


class Truncated(EOFError):
    """The file ends before what it announces."""

    def __init__(self):
        super().__init__("an end too early")


class Stream:
    """The plain bytes of a file, read once from first to last; skipping is free where it can be.

    It offers what `pickle.Unpickler` asks for and no way to look ahead, so that the position is
    always that of the next byte the unpickler has not seen.

    Attributes:
        position: bytes read or skipped so far.
    """

    def __init__(self, raw: BinaryIO, size: int | None):
        self._raw, self._size = raw, size
        self.position = 0

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if self._size is not None and count > self._size - self.position:
            raise Truncated  # before memory is taken for them
        data = self.read_up_to(count)
        if len(data) < count:
            raise Truncated
        return data

    def read_up_to(self, count: int) -> bytes:
        """Return the next `count` bytes, or as many as there are."""
        data = self._raw.read(count)
        self.position += len(data)
        return data

    def readline(self) -> bytes:
        """Return the bytes up to a line feed."""
        data = self._raw.readline(CHUNK_BYTES)
        self.position += len(data)
        return data

    def read_into(self, view: memoryview) -> None:
        """Fill a view of bytes."""
        while view:
            count = self._raw.readinto(view[:CHUNK_BYTES])
            if not count:
                raise Truncated
            view = view[count:]
            self.position += count

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        if self._size is not None:
            if count > self._size - self.position:
                raise Truncated
            self._raw.seek(count, io.SEEK_CUR)
            self.position += count
            return
        end = self.position + count
        while self.position < end:
            if not self.read_up_to(min(CHUNK_BYTES, end - self.position)):
                raise Truncated


@contextmanager
def open_plain(path: str | os.PathLike) -> Iterator[Stream]:
    """Yield the plain bytes of a file: as it is, or out of zlib, gzip, bzip2, xz or lzma.

    Raises:
        BasewiseError: no such file, or a compression that is not read.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(f"{path} does not exist")
    with path.open("rb") as file:
        first = file.read(8)
        file.seek(0)
        if first.startswith(b"\x04\x22\x4d\x18"):
            raise BasewiseError(
                f"{path} is compressed in a way that is not read",
                found="lz4",
                hint="Unpack it first: lz4 -d.",
            )
        for magic, opener in OPENERS.items():
            if first.startswith(magic):
                with opener(file) as raw:
                    yield Stream(raw, None)
                return
        yield Stream(file, path.stat().st_size)


class _ZlibFile(io.RawIOBase):
    """A bare zlib stream, which the standard library opens as no file."""

    def __init__(self, file: BinaryIO):
        self._file, self._inflate = file, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, view) -> int:
        data = b""
        while not data and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(CHUNK_BYTES)
            if not packed:
                raise Truncated
            data = self._inflate.decompress(packed, len(view))
        view[: len(data)] = data
        return len(data)


OPENERS = {
    b"x\x01": lambda file: io.BufferedReader(_ZlibFile(file), CHUNK_BYTES),
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00": lzma.LZMAFile,
}
for _level in (b"\x5e", b"\x9c", b"\xda"):
    OPENERS[b"x" + _level] = OPENERS[b"x\x01"]
