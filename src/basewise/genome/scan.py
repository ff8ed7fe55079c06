"""Reading FASTA text as a stream of records, checking everything about it on the way."""

from collections.abc import Iterator
from typing import BinaryIO

from basewise.errors import BasewiseError
from basewise.genome.letters import LINE_ENDS, explain_illegal, first_illegal

BLOCK_BYTES = 8 << 20
MAX_HEADER_BYTES = 1 << 20
SAMPLE_BYTES = 1000


def scan_fasta(stream: BinaryIO, source: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bases) pieces of a FASTA stream, in order, a few megabytes at a time.

    The first piece of every record is empty, so that a record is seen before its bases.
    Line ends may be LF or CRLF; the name is the header's first word.

    Raises:
        BasewiseError: Text before the first header, a record without name or bases, a name
            that comes twice or is not ASCII, a letter that is no base; with source, record,
            line and position.
    """
    return _Scanner(source).scan(stream)


class _Scanner:
    def __init__(self, source: str):
        self.source = source
        self.name: str | None = None
        self.names: set[str] = set()
        self.header_line = 0
        self.lines = 0  # line ends behind us
        self.bp = 0  # bases of the record behind us

    def scan(self, stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
        rest, at_line_start = b"", True
        while block := stream.read(BLOCK_BYTES):
            block = rest + block
            rest = b""
            position = 0
            while position < len(block):
                if at_line_start and block[position : position + 1] == b">":
                    end = block.find(b"\n", position) + 1
                    if not end:
                        rest = block[position:]
                        self._check_header_size(rest)
                        break
                    yield self._begin(block[position:end]), b""
                    position = end
                else:
                    end = _next_header(block, position)
                    if bases := self._bases(block[position:end]):
                        yield self.name, bases
                    at_line_start = block[end - 1 : end] == b"\n"
                    position = end
        if rest:
            yield self._begin(rest), b""
        self._end()
        if self.name is None:
            raise BasewiseError(f"{self.source} holds no FASTA record")

    def _begin(self, header: bytes) -> str:
        self._end()
        self.lines += 1
        self.header_line, self.bp = self.lines, 0
        where = f"{self.source} line {self.lines}"
        word = header[1:].split(None, 1)[0] if header[1:2].strip() else b""
        if not word:
            raise BasewiseError(f"{where}: a FASTA record has no name", found=repr(header[:40]))
        if not word.isascii():
            raise BasewiseError(f"{where}: a record's name is not ASCII", found=repr(word[:40]))
        name = word.decode()
        if name in self.names:
            raise BasewiseError(
                f"{where}: a second record has the name {name!r}",
                hint="Every record needs a name of its own",
            )
        self.names.add(name)
        self.name = name
        return name

    def _end(self) -> None:
        if self.name is not None and not self.bp:
            raise BasewiseError(
                f"{self.source} line {self.header_line}: record {self.name!r} holds no base"
            )

    def _bases(self, text: bytes) -> bytes:
        bases = text.translate(None, LINE_ENDS)
        if self.name is None and bases.strip():
            raise self._before_first_header(text)
        if self.name is not None and (index := first_illegal(bases)) >= 0:
            raise self._illegal(text, bases, index)
        self.lines += text.count(b"\n")
        self.bp += len(bases)
        return bases if self.name is not None else b""

    def _illegal(self, text: bytes, bases: bytes, index: int) -> BasewiseError:
        line = self.lines + 1 + text.count(b"\n", 0, text.index(bases[index : index + 1]))
        around = bases[max(0, index - SAMPLE_BYTES) : index + SAMPLE_BYTES]
        found, hint = explain_illegal(bases[index], around)
        return BasewiseError(
            f"{self.source}, record {self.name!r}, line {line}, position {self.bp + index + 1} "
            "of the record: not a base",
            found=found,
            hint=hint,
        )

    def _before_first_header(self, text: bytes) -> BasewiseError:
        start = len(text) - len(text.lstrip())
        line = text[start:].split(b"\n", 1)[0].strip()
        number = 1 + text.count(b"\n", 0, start)
        return BasewiseError(
            f"{self.source} line {number}: text before the first '>'",
            found=repr(line[:40].decode("ascii", "replace")),
            hint="Is this a FASTA file?",
        )

    def _check_header_size(self, header: bytes) -> None:
        if len(header) > MAX_HEADER_BYTES:
            raise BasewiseError(
                f"{self.source} line {self.lines + 1}: a header line of more than "
                f"{MAX_HEADER_BYTES} bytes",
                found=repr(header[:40].decode("ascii", "replace")),
            )


def _next_header(block: bytes, start: int) -> int:
    """Where the next header begins after `start`, or the end of the block."""
    position = start
    while (position := block.find(b">", position + 1)) >= 0:
        if block[position - 1 : position] == b"\n":
            return position
    return len(block)
