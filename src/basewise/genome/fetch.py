"""Fetching one file, whatever it holds: resumed, retried, checked, whole or absent."""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path

from basewise.atomic import explain_write_errors
from basewise.errors import BasewiseError
from basewise.genome.body import Body, Changed, Interrupted, Stamp
from basewise.genome.checksum import Digest, verify_checksum
from basewise.genome.remote import local_path, open_source

logger = logging.getLogger(__name__)

MAX_WAIT_S = 60.0


@dataclass(frozen=True)
class FetchRecord:
    """What was fetched: where from, the sha256 of its bytes, and how many they are."""

    source: str
    sha256: str
    bytes: int


def fetch(
    source: str,
    output: str | PathLike,
    checksum: str | None = None,
    *,
    retries: int = 5,
    timeout_s: float = 60.0,
    backoff_s: float = 1.0,
    headers: Mapping[str, str] | None = None,
) -> FetchRecord:
    """Fetch a URL (http, https, ftp) or copy a local path to `output`.

    The bytes collect in `<output>.part`, which stays when the network fails for good, so that
    the next call goes on from there if the source still is the same file.

    Args:
        source: URL, `file://` URL or path.
        output: The file to make; it appears whole or not at all.
        checksum: "sha256:<hex>" or "md5:<hex>" of the file, or None to only record the sha256.
        retries: Further attempts after one that got no byte further than those before.
        timeout_s: Longest silence of the source, in seconds.
        backoff_s: Wait before the first retry, in seconds; it doubles up to a minute.
        headers: More of them for HTTP, such as Authorization; a redirection to another host is
            not told that one.

    Raises:
        BasewiseError: No such file, no permission, an HTML page, another checksum, no disk
            space, or no success after the retries.
    """
    Digest(checksum)  # a misspelt checksum is worth no download
    output = Path(output)
    part = _Part(source, output)
    failures, furthest = 0, part.size
    with explain_write_errors(output, part.path, part.stamp_path):
        output.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                resumed, digest = _transfer(part, checksum, timeout_s, headers)
                if resumed and not digest.agrees:
                    raise Changed(source)  # the part may be to blame, and the source sound
                digest.check(source)
            except Changed:
                logger.info("%s has changed or cannot be resumed: starting over", source)
                part.remove()
                continue
            except Interrupted as error:
                if part.size > furthest:
                    failures, furthest = 0, part.size
                failures += 1
                if failures > retries:
                    raise _gave_up(part, error, failures) from error
                wait_s = min(max(backoff_s * 2 ** (failures - 1), error.wait_s), MAX_WAIT_S)
                logger.warning("%s: %s; trying again in %.0f s", source, error, wait_s)
                time.sleep(wait_s)
                continue
            except BasewiseError:
                part.remove()
                raise
            record = FetchRecord(source, digest.sha256, part.size)
            os.replace(part.path, output)
            part.remove()
            logger.info("fetched %s: %d bytes, sha256 %s", source, record.bytes, record.sha256)
            return record


@contextmanager
def local_copy(
    source: str, beside: str | PathLike, checksum: str | None = None
) -> Iterator[tuple[Path, str]]:
    """Yield (path, sha256) of a source: a local file where it is, else fetched for the while.

    The fetched file lies beside the file that will be made of it, as `<beside>.download`.
    """
    path = local_path(source)
    if path is not None:
        yield path, verify_checksum(path, checksum)
        return
    path = Path(f"{os.fspath(beside)}.download")
    try:
        record = fetch(source, path, checksum)
        yield path, record.sha256
    finally:
        path.unlink(missing_ok=True)


def is_html(first: bytes, content_type: str = "") -> bool:
    """Whether the first bytes of a file are those of a web page."""
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return True
    return text.startswith(b"<") and "html" in content_type.lower()


class _Part:
    """The bytes fetched so far, and beside them the version of the source that they are of."""

    def __init__(self, source: str, output: Path):
        self.source = source
        self.path = output.with_name(output.name + ".part")
        self.stamp_path = output.with_name(output.name + ".part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def read_stamp(self) -> Stamp | None:
        try:
            stamp = Stamp(**json.loads(self.stamp_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return stamp if stamp.source == self.source else None

    def begin(self, stamp: Stamp) -> None:
        self.stamp_path.unlink(missing_ok=True)
        self.path.write_bytes(b"")
        if stamp.can_resume:
            self.stamp_path.write_text(json.dumps(asdict(stamp)))

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.stamp_path.unlink(missing_ok=True)


def _transfer(
    part: _Part, checksum: str | None, timeout_s: float, headers: Mapping[str, str] | None
) -> tuple[bool, Digest]:
    """One attempt: whether it went on from an earlier part, and the digest of the whole."""
    seen = part.read_stamp()
    start = part.size if seen else 0
    if seen and seen.total:
        start = min(start, seen.total - 1)  # ask for one byte at least, so that there is an answer
    digest = Digest(checksum)
    with open_source(part.source, start, seen, timeout_s, headers) as body:
        if body.start:
            os.truncate(part.path, body.start)
            digest.update_file(part.path)
        else:
            part.begin(body.stamp)
        _append(part, body, digest)
    if body.stamp.total is not None and part.size != body.stamp.total:
        raise Interrupted(f"got {part.size} of {body.stamp.total} bytes")
    return body.start > 0, digest


def _append(part: _Part, body: Body, digest: Digest) -> None:
    is_first = body.start == 0
    with part.path.open("ab") as stream:
        for chunk in body.chunks:
            if is_first and is_html(chunk, body.content_type):
                raise BasewiseError(
                    f"{part.source} answers with a web page, not a file",
                    found=repr(chunk.strip()[:60].decode("utf-8", "replace")),
                    hint="Give the URL of the file itself",
                )
            is_first = False
            stream.write(chunk)
            digest.update(chunk)
        stream.flush()
        os.fsync(stream.fileno())


def _gave_up(part: _Part, error: Interrupted, failures: int) -> BasewiseError:
    kept = f"; {part.path} keeps the {part.size} bytes that came" if part.size else ""
    return BasewiseError(
        f"{part.source} could not be fetched: {failures} attempts in a row got no further",
        found=error,
        hint=f"Check the network and run again{kept}",
    )
