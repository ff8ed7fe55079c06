"""Which way leads to a source: HTTP, FTP, or a path on this machine."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from basewise.errors import BasewiseError
from basewise.genome.body import CHUNK_BYTES, Body, Changed, Stamp, read_chunks


def local_path(source: str) -> Path | None:
    """The path that a source without a scheme, or with `file://`, stands for; None for URLs."""
    scheme, separator, _ = str(source).partition("://")
    if not separator:
        return Path(source).expanduser()
    if scheme.lower() == "file":
        return Path(unquote(urlsplit(source).path))
    return None


@contextmanager
def open_source(
    source: str,
    start: int,
    seen: Stamp | None,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Body]:
    """Open a source at byte `start` of the version `seen`, or at its first byte.

    Args:
        headers: more of them for HTTP; other ways have none.

    Raises:
        Changed: The source cannot be shown to be the version seen.
        Interrupted: Another attempt may succeed.
        BasewiseError: It will not.
    """
    scheme = "file" if local_path(source) is not None else urlsplit(source).scheme.lower()
    http = partial(_open_http, headers=headers)
    openers = {"http": http, "https": http, "ftp": _open_ftp, "file": _open_file}
    if scheme not in openers:
        raise BasewiseError(
            f"{source} cannot be fetched",
            found=f"scheme {scheme!r}",
            hint="Give an http, https or ftp URL or a path",
        )
    with openers[scheme](source, start, seen, timeout_s) as body:
        if body.start and seen != body.stamp:
            raise Changed(source)
        yield body


def _open_http(
    source: str,
    start: int,
    seen: Stamp | None,
    timeout_s: float,
    headers: Mapping[str, str] | None,
) -> AbstractContextManager[Body]:
    from basewise.genome.http import open_http  # requests is slow to import and seldom needed

    return open_http(source, start, seen, timeout_s, headers)


def _open_ftp(
    source: str, start: int, seen: Stamp | None, timeout_s: float
) -> AbstractContextManager[Body]:
    from basewise.genome.ftp import open_ftp  # only those who fetch load what speaks with a network

    return open_ftp(source, start, seen, timeout_s)


@contextmanager
def _open_file(source: str, start: int, seen: Stamp | None, timeout_s: float) -> Iterator[Body]:
    path = local_path(source)
    if not path.is_file():
        raise BasewiseError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    with path.open("rb") as stream:
        chunks = read_chunks(lambda: stream.read(CHUNK_BYTES))
        yield Body(Stamp(source, path.stat().st_size), 0, chunks)
