"""Sequences held in memory, read through the same face as a genome on disk."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome.letters import TO_BASES

N = ord("N")
_READ_AS = np.frombuffer(TO_BASES, np.uint8)


class Sequences(Protocol):
    """What tiles and windows are read from: ``Genome`` and ``MemoryGenome``."""

    chromsizes: Mapping[str, int]

    def read(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return uint8 upper-case ASCII A, C, G, T, N of an interval inside the chrom."""

    def read_padded(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return the same of any interval, with N outside the chrom."""


class MemoryGenome:
    """Named sequences in memory.

    Args:
        sequences: name -> text, bytes or uint8 ASCII, any case, IUPAC codes read as N.

    Raises:
        BasewiseError: another letter, with its sequence and 0-based position.
    """

    def __init__(self, sequences: Mapping[str, str | bytes | np.ndarray]):
        self._bases = {name: _read(name, bases) for name, bases in sequences.items()}
        self.chromsizes = {name: bases.size for name, bases in self._bases.items()}

    def read(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return uint8 bases of an interval inside the chrom."""
        if not 0 <= start <= end <= self.chromsizes[chrom]:
            raise BasewiseError(f"{chrom}:{start}-{end} is not inside {chrom}")
        return self._bases[chrom][start:end]

    def read_padded(self, chrom: str, start: int, end: int) -> np.ndarray:
        """Return uint8 bases of any interval, with N outside the chrom."""
        window = np.full(end - start, N, np.uint8)
        low, high = max(start, 0), min(end, self.chromsizes[chrom])
        if low < high:
            window[low - start : high - start] = self._bases[chrom][low:high]
        return window


def _read(name: str, bases: str | bytes | np.ndarray) -> np.ndarray:
    if isinstance(bases, str):
        bases = bases.encode("ascii", errors="replace")
    if isinstance(bases, bytes):
        bases = np.frombuffer(bases, np.uint8)
    upper = _READ_AS[bases]
    if not upper.all():
        position = int(np.argmin(upper))
        raise BasewiseError(
            f"sequence {name} has an illegal letter at position {position}",
            found=repr(chr(bases[position])),
            hint="Nucleotides are A, C, G, T, N and the IUPAC codes.",
        )
    return upper
