"""Opening a file over HTTP from a given byte on, by Range and If-Range."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
import urllib3

from basewise.errors import BasewiseError
from basewise.genome.body import (
    CHUNK_BYTES,
    Body,
    Changed,
    Denied,
    Interrupted,
    Stamp,
    innermost,
    read_chunks,
)

TEMPORARY_STATUS = {408, 425, 429}  # and every 5xx
BROKEN = (urllib3.exceptions.HTTPError, OSError)


@contextmanager
def open_http(
    source: str,
    start: int,
    seen: Stamp | None,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Body]:
    """Open a URL at byte `start` of the version `seen`; see `open_source`."""
    headers = {
        **(headers or {}),
        "Accept-Encoding": "identity",  # the bytes as stored, or checksums would not hold
    }
    if start:
        headers["Range"] = f"bytes={start}-"
        strong = seen.etag if seen.etag and not seen.etag.startswith("W/") else None
        if strong or seen.modified:
            headers["If-Range"] = strong or seen.modified
    try:
        response = requests.get(source, headers=headers, stream=True, timeout=timeout_s)
    except ValueError as error:  # requests' way of saying that a URL is malformed
        raise BasewiseError(f"{source} is not a URL that can be fetched", found=error) from None
    except requests.RequestException as error:
        raise Interrupted(innermost(error)) from error
    with response:
        yield _body(source, response, start)


def _body(source: str, response: requests.Response, start: int) -> Body:
    _check_status(source, response, start)
    first, total = 0, response.headers.get("Content-Length", "")
    if response.status_code == 206:
        unit, _, span = response.headers.get("Content-Range", "").partition(" ")
        span, _, total = span.partition("/")
        if unit != "bytes" or not span.startswith(f"{start}-"):
            raise Changed(source)
        first = start
    stamp = Stamp(
        source,
        int(total) if total.isdigit() else None,
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
    )
    raw = response.raw
    chunks = read_chunks(lambda: raw.read1(CHUNK_BYTES, decode_content=False), BROKEN)
    return Body(stamp, first, chunks, response.headers.get("Content-Type", ""))


def _check_status(source: str, response: requests.Response, start: int) -> None:
    status = response.status_code
    answer = f"HTTP {status} {response.reason}"
    if status == 416 and start:
        raise Changed(source)
    if status in TEMPORARY_STATUS or status >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Interrupted(answer, float(wait) if wait.isdigit() else 0.0)
    if status in (401, 403):
        raise Denied(source, answer)
    if status not in (200, 206):
        raise BasewiseError(f"{source} cannot be fetched", found=answer, hint="Check the URL")
