"""Files that are whole or absent: write beside the target, then rename.

A temporary file is locked for as long as its process lives. What a killed process left is locked
by nobody, and the next one that writes the same target removes it. Where a file system knows no
locks, nothing is removed.
"""

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from basewise.errors import BasewiseError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CLOSED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
}
NO_ROOM_BYTES = 1 << 16
os.umask(UMASK := os.umask(0o077))  # once: threads that ask later would see each other's answers


@contextmanager
def atomic_path(target: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path in the target's directory; rename it on success, remove it on failure.

    The file is flushed to disk before the rename, so the target name never shows a part of it.

    Raises:
        BasewiseError: The disk is full, or the place cannot be written (`explain_write_errors`).
    """
    target = Path(target)
    with explain_write_errors(target), _claim(target) as temporary:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~UMASK)
        os.replace(temporary, target)


@contextmanager
def scratch_directory(target: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty directory beside the target; it is removed in the end, with all it holds.

    What a killed process left of its own goes when the same target is written again. Errors as in
    `atomic_path`.
    """
    target = Path(target)
    with explain_write_errors(target), _claim(target) as claim:
        folder = _folder_of(claim)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def explain_write_errors(target: str | os.PathLike, *unfinished: Path) -> Iterator[None]:
    """Turn failures to write the target into a BasewiseError; a full disk removes `unfinished`.

    Errors about files elsewhere, and those that do not speak of writing, pass unchanged.
    """
    try:
        yield
    except OSError as error:
        if _is_full(error, target):
            for path in unfinished:
                path.unlink(missing_ok=True)
            raise BasewiseError(
                f"{target} could not be written",
                found=f"{error.strerror or error}, {_free_bytes(target) / 2**30:.1f} GiB free",
                hint="Nothing of it was kept; make room or put it elsewhere, and run again",
            ) from error
        if error.errno in CLOSED and _is_near(error.filename, Path(target)):
            raise BasewiseError(
                f"{target} could not be written",
                found=f"{error.strerror}: {error.filename}" if error.filename else error.strerror,
                hint="Choose a place that you may write to",
            ) from error
        raise


def _is_full(error: OSError, target: str | os.PathLike) -> bool:
    """Whether the disk is; some libraries fail without a reason when it is."""
    return error.errno in FULL or (error.errno is None and _free_bytes(target) < NO_ROOM_BYTES)


def _free_bytes(target: str | os.PathLike) -> int:
    folder = next(folder for folder in Path(target).resolve().parents if folder.exists())
    return shutil.disk_usage(folder).free


def _is_near(filename: object, target: Path) -> bool:
    """Whether a file is nameless, in the target's folder, or on the way there."""
    if not isinstance(filename, str | os.PathLike):
        return True
    path, folder = Path(os.path.abspath(filename)), Path(os.path.abspath(target)).parent
    return path.is_relative_to(folder) or folder.is_relative_to(path)


@contextmanager
def _claim(target: Path) -> Iterator[Path]:
    """Yield an empty, locked file of a fresh name beside the target; remove it unless renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(target)
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with suppress(OSError):  # no locks here
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            break
        os.close(handle)  # another process took it for left behind before it was locked
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _remove_left(target: Path) -> None:
    """Remove what processes that are gone left beside the target."""
    name = re.compile(re.escape(f".{target.name}.") + r"[a-z0-9_]{8}\.tmp")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for left in [Path(entry.path) for entry in entries if name.fullmatch(entry.name)]:
            with suppress(OSError):
                _remove_unlocked(left)


def _remove_unlocked(left: Path) -> None:
    handle = os.open(left, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(_folder_of(left), ignore_errors=True)
        left.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _folder_of(claim: Path) -> Path:
    return claim.with_name(claim.name + ".d")
