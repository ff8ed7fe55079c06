"""Opening a file over FTP from a given byte on, by REST."""

import ftplib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import unquote, urlsplit

from basewise.errors import BasewiseError
from basewise.genome.body import CHUNK_BYTES, Body, Changed, Interrupted, Stamp, read_chunks

NO_SUCH_FILE = "550"


@contextmanager
def open_ftp(source: str, start: int, seen: Stamp | None, timeout_s: float) -> Iterator[Body]:
    """Open an ftp:// URL at byte `start` of the version `seen`; see `open_source`."""
    url = urlsplit(source)
    path = unquote(url.path).lstrip("/")
    with closing(ftplib.FTP(timeout=timeout_s)) as ftp:
        try:
            ftp.connect(url.hostname or "", url.port or ftplib.FTP_PORT)
            ftp.login(unquote(url.username or ""), unquote(url.password or ""))
            stamp = _stamp(ftp, source, path)
            if start and stamp != seen:
                raise Changed(source)
            connection = _retrieve(ftp, source, path, start)
        except ftplib.error_perm as error:
            raise BasewiseError(
                f"{source} cannot be fetched", found=f"FTP {error}", hint="Check the URL"
            ) from None
        except (ftplib.Error, EOFError, OSError) as error:
            raise Interrupted(str(error) or type(error).__name__) from error
        with connection:
            chunks = read_chunks(lambda: connection.recv(CHUNK_BYTES), (OSError,))
            yield Body(stamp, start, chunks)


def _stamp(ftp: ftplib.FTP, source: str, path: str) -> Stamp:
    ftp.voidcmd("TYPE I")
    total = modified = None
    try:
        total = ftp.size(path)
    except ftplib.error_perm as error:
        if str(error).startswith(NO_SUCH_FILE):
            raise
    with suppress(ftplib.error_perm):
        modified = ftp.voidcmd(f"MDTM {path}")
    return Stamp(source, total, None, modified)


def _retrieve(ftp: ftplib.FTP, source: str, path: str, start: int):
    try:
        return ftp.transfercmd(f"RETR {path}", rest=start or None)
    except ftplib.error_perm as error:
        if start and not str(error).startswith(NO_SUCH_FILE):
            raise Changed(source) from None  # REST itself was refused
        raise
