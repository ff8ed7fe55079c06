"""The bases of a genome, read at random from its FASTA file."""

from contextlib import suppress
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome.bgzip import BgzipFasta, is_bgzip
from basewise.genome.fai import (
    FaiRecord,
    build_fai,
    is_index_of,
    open_mapped,
    read_fai,
    write_fai,
)
from basewise.genome.letters import (
    COMPLEMENT,
    ILLEGAL,
    IS_LOWER,
    LINE_ENDS,
    TO_BASES,
    explain_illegal,
)

N = ord("N")

_COMPLEMENTS = np.frombuffer(COMPLEMENT, np.uint8)


class Genome:
    """A FASTA file with lines of one width; reads are safe from many threads.

    It is plain, which is quickest, or packed by bgzip.

    Attributes:
        path: The FASTA file.
        chromsizes: Chrom lengths in bp, in file order.
    """

    def __init__(self, path: str | PathLike):
        """Open a FASTA file, making its index if it has none that fits.

        The index is written beside the FASTA where the folder allows it, else kept in memory.
        Raises BasewiseError for a file that cannot be indexed (see `build_fai`).
        """
        self.path = Path(path)
        if is_bgzip(path):
            self._file = BgzipFasta(path)
            self.chromsizes = self._file.chromsizes
        else:
            self._file = self._text = open_mapped(path)
            self._records = {record.chrom: record for record in self._index()}
            self.chromsizes = {chrom: record.size_bp for chrom, record in self._records.items()}

    def __repr__(self) -> str:
        return f"Genome({str(self.path)!r})"

    def __reduce__(self):
        return Genome, (self.path,)

    def __enter__(self) -> "Genome":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def read(self, chrom: str, start: int, end: int) -> np.ndarray:
        """The bases of chrom:start-end (0-based, half-open) as uint8 ASCII, (end - start,).

        Letters are upper case, IUPAC codes are N. The array is the caller's own.

        Raises:
            BasewiseError: No such chrom, an interval that reaches past it, or a letter that is
                no base.
        """
        text = self._slice(chrom, start, end)
        bases = text.translate(TO_BASES, LINE_ENDS)
        if len(bases) != end - start:
            raise BasewiseError(
                f"{self.path}: the lines of {chrom!r} differ in width at {chrom}:{start}-{end}",
                hint="Remove the .fai beside it, if there is one",
            )
        if ILLEGAL in bases:
            raise self._illegal(chrom, start, text)
        return np.frombuffer(bases, dtype=np.uint8)

    def read_padded(self, chrom: str, start: int, end: int) -> np.ndarray:
        """As `read`, with N where start-end reaches past either end of the chrom."""
        size = self._size(chrom)
        bases = np.full(end - start, N, dtype=np.uint8)
        inside_start, inside_end = max(start, 0), min(end, size)
        if inside_start < inside_end:
            inside = self.read(chrom, inside_start, inside_end)
            bases[inside_start - start : inside_end - start] = inside
        return bases

    def soft_mask(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Which bases of chrom:start-end are lower case in the file: bool, (end - start,)."""
        text = self._slice(chrom, start, end)
        return np.frombuffer(text.translate(IS_LOWER, LINE_ENDS), dtype=bool)

    def _index(self) -> list[FaiRecord]:
        path = Path(f"{self.path}.fai")
        if path.is_file():
            records = read_fai(path)
            if is_index_of(records, self._text):
                return records
        records = build_fai(self.path)
        with suppress(OSError, BasewiseError):  # the folder is closed to us, or full
            write_fai(records, path)
        return records

    def _size(self, chrom: str) -> int:
        if chrom not in self.chromsizes:
            names = list(self.chromsizes)
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            raise BasewiseError(f"{self.path} has no chrom {chrom!r}", found=shown)
        return self.chromsizes[chrom]

    def _slice(self, chrom: str, start: int, end: int) -> bytearray:
        size = self._size(chrom)
        start, end = int(start), int(end)
        if not 0 <= start <= end <= size:
            raise BasewiseError(
                f"{self.path}: {chrom} has {size} bp", found=f"{chrom}:{start}-{end}"
            )
        if start == end:
            return bytearray()
        if isinstance(self._file, BgzipFasta):
            return self._file.read(chrom, start, end)
        record = self._records[chrom]
        return bytearray(self._text[record.byte_of(start) : record.byte_of(end - 1) + 1])

    def _illegal(self, chrom: str, start: int, text: bytearray) -> BasewiseError:
        letters = bytes(text.translate(None, LINE_ENDS))
        index = letters.translate(TO_BASES).index(ILLEGAL)
        found, hint = explain_illegal(letters[index], letters)
        return BasewiseError(
            f"{self.path}, record {chrom!r}, position {start + index + 1} of the record: "
            "not a base",
            found=found,
            hint=hint,
        )


def reverse_complement(bases: np.ndarray) -> np.ndarray:
    """The other strand of uint8 ASCII bases (…, n), in its own direction; case is kept."""
    return _COMPLEMENTS[bases[..., ::-1]]
