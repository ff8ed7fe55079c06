"""Text of any size in blocks of whole lines: plain, gzip or bgzip, unpacked in a thread."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from isal import igzip_threaded
from isal.isal_zlib import IsalError

from basewise.errors import BasewiseError
from basewise.intervals.packed import GZIP_MAGIC

BLOCK_BYTES = 1 << 22
LONGEST_LINE_BYTES = 1 << 26


def read_blocks(path: Path, block_bytes: int | None = None) -> Iterator[bytes]:
    """Yield whole lines, about `block_bytes` (BLOCK_BYTES) at a time; all end with a newline.

    Raises:
        BasewiseError: the file is absent, a directory, cut off or not what it seems.
    """
    rest = b""
    for chunk in _read_chunks(path, block_bytes or BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
            continue
        rest += chunk
        if len(rest) > LONGEST_LINE_BYTES:
            raise BasewiseError(f"{path} is not text", found="a line of more than 64 MiB")
    if rest:
        yield rest + b"\n"


def _read_chunks(path: Path, size: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as probe:
            is_packed = probe.read(2) == GZIP_MAGIC
        opened = igzip_threaded.open(path, "rb", threads=1) if is_packed else path.open("rb")
        with closing(opened) as stream:
            while chunk := stream.read(size):
                yield chunk
    except FileNotFoundError:
        raise BasewiseError(f"{path} does not exist") from None
    except (EOFError, gzip.BadGzipFile, zlib.error, IsalError) as error:
        raise BasewiseError(
            f"{path} is not a whole gzip file", found=str(error), hint="Fetch or pack it again"
        ) from None
    except OSError as error:
        raise BasewiseError(f"{path} cannot be read", found=error.strerror or error) from None
