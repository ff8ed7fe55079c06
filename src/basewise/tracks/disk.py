"""What a full or read-only disk says: one line that names the file being written."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from basewise.errors import BasewiseError


@contextmanager
def named_write_errors(path: str | PathLike) -> Iterator[None]:
    """Turn an operating-system error inside into a BasewiseError about writing `path`."""
    try:
        yield
    except OSError as error:
        raise BasewiseError(
            f"{path} could not be written",
            found=error.strerror or str(error),
            hint="Nothing of it was kept; make room there or choose another place, and run again",
        ) from error
