"""The .fai index of a FASTA: where each record's bases lie, when its lines have one width."""

import mmap
from dataclasses import astuple, dataclass
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

BLOCK_BYTES = 64 << 20
MAX_CHROM_BP = 2**32 - 1  # a bigWig holds no position past it


@dataclass(frozen=True)
class FaiRecord:
    """One row of a .fai: the record's length in bp and the place and shape of its lines."""

    chrom: str
    size_bp: int
    offset: int  # of the first base in the file
    line_bp: int
    line_bytes: int  # with its line end

    def byte_of(self, position: int) -> int:
        """Where in the file base `position` (0-based) lies."""
        lines, rest = divmod(position, self.line_bp)
        return self.offset + lines * self.line_bytes + rest


def build_fai(path: str | PathLike) -> list[FaiRecord]:
    """Find the records of a plain FASTA file.

    Raises:
        BasewiseError: The file is missing, packed or no FASTA, a record is empty, a name is
            missing or comes twice, or the lines of a record differ in width.
    """
    with open_mapped(path) as text:
        if text[:2] == b"\x1f\x8b":
            raise BasewiseError(
                f"{path} is packed by gzip, and bases cannot be read from it at random",
                hint="Unpack it with gunzip, or pack it with bgzip instead",
            )
        if text[:1] != b">":
            raise BasewiseError(
                f"{path} does not start with '>'", found=repr(text[:40]), hint="Is it a FASTA file?"
            )
        starts = [*_header_starts(text), len(text)]
        records = [_record(path, text, *span) for span in pairwise(starts)]
    seen = set()
    for record in records:
        if record.chrom in seen:
            raise BasewiseError(f"{path}: two records have the name {record.chrom!r}")
        seen.add(record.chrom)
    return records


def open_mapped(path: str | PathLike) -> mmap.mmap:
    """Map a file into memory, read-only."""
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    if not path.stat().st_size:
        raise BasewiseError(f"{path} is empty")
    with path.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def write_fai(records: list[FaiRecord], path: str | PathLike) -> None:
    """Write a .fai file, whole or not at all."""
    with atomic_path(path) as temporary:
        lines = ("\t".join(map(str, astuple(record))) + "\n" for record in records)
        temporary.write_text("".join(lines), encoding="utf-8")


def check_chrom_size(source: str | PathLike, chrom: str, size_bp: int) -> None:
    """Raise a BasewiseError for a chrom that no bigWig could hold."""
    if size_bp > MAX_CHROM_BP:
        raise BasewiseError(
            f"{source}: {chrom} is longer than the {MAX_CHROM_BP} bp that a bigWig can hold",
            found=f"{size_bp} bp",
            hint="Split it into shorter sequences, or leave it out",
        )


def read_fai(path: str | PathLike) -> list[FaiRecord]:
    """Read a .fai file, as written here, by samtools or by pyfaidx."""
    records = []
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        chrom, *numbers = line.split("\t")
        try:
            records.append(FaiRecord(chrom, *map(int, numbers)))
        except (ValueError, TypeError):
            raise BasewiseError(
                f"{path} line {number} is not a row of a .fai index",
                found=repr(line[:80]),
                hint="Remove the file; it is made anew",
            ) from None
    return records


def is_index_of(records: list[FaiRecord], text: mmap.mmap) -> bool:
    """Whether the file holds these records and no other, with lines where the index says."""
    if not records or text.find(b"\n") != records[0].offset - 1:
        return False
    offsets = [record.offset for record in records[1:]] + [len(text)]
    return all(
        _fits(record, text) and _is_next(record, offset, text)
        for record, offset in zip(records, offsets, strict=True)
    )


def _is_next(record: FaiRecord, offset: int, text: mmap.mmap) -> bool:
    """Whether the bases at an offset, or the file's end, are next after a record."""
    after = record.byte_of(record.size_bp - 1) + 1
    while text[after : after + 1] in (b"\r", b"\n"):
        after += 1
    if offset == len(text):
        return after == offset
    return text[after : after + 1] == b">" and text.find(b"\n", after, offset) == offset - 1


def _fits(record: FaiRecord, text: mmap.mmap) -> bool:
    header = text[text.rfind(b"\n", 0, max(record.offset - 1, 0)) + 1 : record.offset]
    words = header[1:].split(None, 1)
    if header[:1] != b">" or header[-1:] != b"\n" or words[:1] != [record.chrom.encode()]:
        return False
    if record.size_bp < 1 or not 0 < record.line_bp <= record.line_bytes:
        return False
    if record.size_bp <= record.line_bp:
        return True
    first_end = record.offset + record.line_bytes - 1
    return text.find(b"\n", record.offset, first_end + 1) == first_end


def _header_starts(text: mmap.mmap) -> list[int]:
    starts = [0]
    for block in range(0, len(text), BLOCK_BYTES):
        data = text[block : block + BLOCK_BYTES + 1]  # one byte more: a header after a last "\n"
        position = 0
        while (position := data.find(b">", position + 1)) >= 0:
            if data[position - 1] == ord("\n"):
                starts.append(block + position)
    return starts


def _record(path: str | PathLike, text: mmap.mmap, start: int, end: int) -> FaiRecord:
    offset = text.find(b"\n", start, end) + 1 or end
    words = text[start + 1 : offset].split(None, 1)
    if not words or text[start + 1 : start + 2].isspace():
        raise BasewiseError(f"{path}: the record at byte {start} has no name")
    chrom = words[0].decode("utf-8", "replace")
    while end > offset and text[end - 1] in b"\r\n":
        end -= 1
    if end == offset:
        raise BasewiseError(f"{path}: record {chrom!r} holds no base")
    first = text.find(b"\n", offset, end)
    if first < 0:  # one line
        return FaiRecord(chrom, end - offset, offset, end - offset, end - offset + 1)
    line_bytes = first + 1 - offset
    line_bp = line_bytes - (2 if text[first - 1] == ord("\r") else 1)
    whole, rest = divmod(end - offset, line_bytes)
    record = FaiRecord(chrom, whole * line_bp + rest, offset, line_bp, line_bytes)
    if line_bp < 1 or rest > line_bp or not _is_uniform(text, record, end):
        raise BasewiseError(
            f"{path}: the lines of record {chrom!r} differ in width, so it cannot be indexed",
            hint="Let get_genome rewrite the file with lines of one width",
        )
    return record


def _is_uniform(text: mmap.mmap, record: FaiRecord, end: int) -> bool:
    """Whether line ends stand after every full line of a record, and nowhere else."""
    step = BLOCK_BYTES // record.line_bytes * record.line_bytes or record.line_bytes
    for start in range(record.offset, end, step):
        data = text[start : min(start + step, end)]
        expected = len(data) // record.line_bytes
        ends = np.frombuffer(data, dtype=np.uint8)[record.line_bytes - 1 :: record.line_bytes]
        if data.count(b"\n") != expected or np.any(ends != ord("\n")):
            return False
        if record.line_bytes - record.line_bp == 2 and data.count(b"\r") != expected:
            return False
    return True
