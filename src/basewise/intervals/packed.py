"""Text files that may be packed: gzip read by its first bytes, bgzip written."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TextIO

import pysam

from basewise.errors import BasewiseError

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_text(path: str | PathLike) -> Iterator[TextIO]:
    """Open a text file for reading, unpacking gzip by its first bytes, with errors that name it."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == GZIP_MAGIC
        opener = gzip.open if packed else open
        with opener(path, "rt", encoding="utf-8", errors="replace", newline=None) as stream:
            yield stream
    except FileNotFoundError:
        raise BasewiseError(f"{path} does not exist") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BasewiseError(
            f"{path} is not a whole gzip file", found=str(error), hint="Fetch or pack it again"
        ) from None


def bgzip_writer(path: str | PathLike) -> pysam.BGZFile:
    """A binary stream that packs what is written to it into a bgzip file."""
    return pysam.BGZFile(os.fspath(path), "wb")
