"""What a full disk and a closed folder look like to a user: one line."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from basewise.errors import BasewiseError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def clear_disk_errors(output: str | PathLike, *unfinished: Path) -> Iterator[None]:
    """Turn failures to write `output` into a BasewiseError; a full disk removes what is unfinished.

    Other errors of the operating system pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            for path in unfinished:
                path.unlink(missing_ok=True)
            folder = next(f for f in Path(output).resolve().parents if f.exists())
            raise BasewiseError(
                f"The disk is full, or a limit on file sizes is reached, while writing {output}",
                found=f"{shutil.disk_usage(folder).free / 2**30:.1f} GiB free",
                hint="Free some space, or put the output elsewhere",
            ) from error
        if error.errno in CLOSED:
            raise BasewiseError(
                f"{output} cannot be written",
                found=f"{error.strerror}: {error.filename}" if error.filename else error.strerror,
                hint="Choose an output folder that you may write to",
            ) from error
        raise
