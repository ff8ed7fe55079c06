"""An open source: which version of a file it is, where it starts, its chunks, how it fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from basewise.errors import BasewiseError

CHUNK_BYTES = 1 << 20


class Interrupted(Exception):
    """The transfer broke off for a reason that may pass; `wait_s` is what the source asks for."""

    def __init__(self, reason: object, wait_s: float = 0.0):
        super().__init__(reason)
        self.wait_s = wait_s


class Changed(Exception):
    """The source is not, or may not be, the file that an earlier part came from."""


class Denied(BasewiseError):
    """The source is there for others, or for those who say who they are; `answer` is its own."""

    def __init__(self, source: str, answer: str):
        super().__init__(
            f"{source} cannot be fetched", found=answer, hint="Is it open to everyone?"
        )
        self.answer = answer


@dataclass(frozen=True)
class Stamp:
    """What tells one version of a remote file from another."""

    source: str
    total: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def can_resume(self) -> bool:
        """Whether a later answer can be compared with this one at all."""
        return any(value is not None for value in (self.total, self.etag, self.modified))


@dataclass(frozen=True)
class Body:
    """An open source: its version, the first byte it delivers, and its chunks."""

    stamp: Stamp
    start: int
    chunks: Iterator[bytes] = field(repr=False)
    content_type: str = ""


def read_chunks(
    read: Callable[[], bytes], failures: tuple[type[Exception], ...] = ()
) -> Iterator[bytes]:
    """Yield what `read` returns until it returns nothing; its failures become Interrupted."""
    while True:
        try:
            chunk = read()
        except failures as error:
            raise Interrupted(innermost(error)) from error
        if not chunk:
            return
        yield chunk


def innermost(error: BaseException) -> str:
    """The reason at the bottom of a chain of wrapped network errors."""
    while error.__context__ is not None and not isinstance(error.__context__, ValueError):
        error = error.__context__
    return str(error) or type(error).__name__
