"""Rows of GTF and GFF3 files, parsed a block at a time with NumPy instead of row by row.

A block is the bytes of some whole lines. Fields are spans of it: arrays of start and end offsets.
Text that is only compared (types, ids) is compared by a 64-bit hash of its bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError
from basewise.intervals.blocks import read_blocks

BLOCK_BYTES = 1 << 24
N_COLUMNS = 9

_PAD = b"\0" * 16
_MIX = np.uint64(0x9E3779B97F4A7C15)
_LOW_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)

Spans = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class RowBlock:
    """Rows of one block, (n,) throughout.

    Attributes:
        text: uint8 bytes of the block, padded so that eight bytes can be read at any offset.
        edges: int64 (n, 10): offset before each column's first byte minus 1, and of the line's end.
        numbers: int64 1-based line numbers in the file.
        semicolons: int64 offsets of all semicolons of the block, sorted.
    """

    text: np.ndarray
    edges: np.ndarray
    numbers: np.ndarray
    semicolons: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: np.ndarray) -> "RowBlock":
        """The rows of a boolean mask or of indices."""
        return RowBlock(self.text, self.edges[chosen], self.numbers[chosen], self.semicolons)

    def column(self, i: int) -> Spans:
        return self.edges[:, i] + 1, self.edges[:, i + 1]

    def decode(self, start: int, end: int) -> str:
        return self.text[start:end].tobytes().decode("utf-8", errors="replace")

    def hashes(self, spans: Spans) -> np.ndarray:
        """64-bit hash of each span's bytes: uint64 (n,); 0 where end <= start."""
        starts, ends = spans
        lengths = np.maximum(ends - starts, 0)
        out = lengths.astype(np.uint64)
        for offset in range(0, int(lengths.max(initial=0)), 8):
            left = np.clip(lengths - offset, 0, 8)
            words = self._words(np.where(left > 0, starts + offset, 0)) & _LOW_BYTES[left]
            mixed = (out ^ words) * _MIX
            out = np.where(left > 0, mixed ^ (mixed >> np.uint64(29)), out)
        return out

    def integers(self, i: int) -> np.ndarray:
        """Whole numbers of column i: int64 (n,), -1 where the text is none."""
        starts, ends = self.column(i)
        widths = ends - starts
        out = np.zeros(len(self), dtype=np.int64)
        is_good = (widths > 0) & (widths <= 15)
        for back in range(int(min(widths.max(initial=0), 15))):
            inside = back < widths
            digit = self.text[np.where(inside, ends - 1 - back, 0)].astype(np.int64) - ord("0")
            is_good &= ~inside | ((digit >= 0) & (digit <= 9))
            out += np.where(inside, digit, 0) * 10**back
        return np.where(is_good, out, -1)

    def rows_with(self, text: bytes) -> list[int]:
        """Indices of the rows that hold this text anywhere, for text that is rare."""
        raw = self.text.tobytes()
        found, at = [], raw.find(text)
        while at >= 0:
            row = int(np.searchsorted(self.edges[:, 0], at)) - 1
            if row >= 0 and at < self.edges[row, -1]:
                found.append(row)
            at = raw.find(text, at + len(text))
        return found

    def is_minus(self) -> np.ndarray:
        starts, ends = self.column(6)
        return (ends > starts) & (self.text[starts] == ord("-"))

    def attributes(self, key: str) -> Spans:
        """Spans of the value of an attribute, without its quotes; empty where a row has none.

        The key is what stands before the value, with its separator: ``"gene_id "`` in GTF,
        ``"Parent="`` in GFF3. The first one of a row counts.
        """
        starts, ends = self.column(8)
        value_start, value_end = np.zeros_like(starts), np.zeros_like(starts)
        pending, first = np.arange(len(self)), starts
        after = np.searchsorted(self.semicolons, starts)
        semicolons = np.append(self.semicolons, len(self.text))
        while len(pending):  # one attribute of every row that has not had the key yet
            last = np.minimum(semicolons[after], ends[pending])
            for _ in range(2):
                first = first + (self.text[first] == ord(" "))
            is_key = self._starts_with(first, key.encode()) & (first + len(key) <= last)
            value_start[pending[is_key]] = first[is_key] + len(key)
            value_end[pending[is_key]] = last[is_key]
            more = ~is_key & (last < ends[pending])
            pending, first, after = pending[more], last[more] + 1, after[more] + 1

        found = value_end > value_start
        value_start += found & (self.text[value_start] == ord('"'))
        for _ in range(2):  # a space before the semicolon, then the closing quote
            edge = self.text[np.maximum(value_end - 1, 0)]
            value_end -= found & ((edge == ord(" ")) | (edge == ord('"')))
        return value_start, np.maximum(value_end, value_start)

    def _starts_with(self, at: np.ndarray, text: bytes) -> np.ndarray:
        is_same = np.ones(len(at), dtype=bool)
        for offset in range(0, len(text), 8):
            part = text[offset : offset + 8]
            rest = np.flatnonzero(is_same)
            words = self._words(at[rest] + offset) & _LOW_BYTES[len(part)]
            is_same[rest] = words == np.uint64(int.from_bytes(part, "little"))
        return is_same

    def split(self, spans: Spans, separators: np.ndarray) -> tuple[np.ndarray, ...]:
        """Cut spans at sorted offsets of separators: row of each part, its starts, its ends."""
        starts, ends = spans
        low = np.searchsorted(separators, starts)
        count = np.searchsorted(separators, ends) - low + 1
        rows = np.repeat(np.arange(len(self)), count)
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        padded = np.append(separators, 0)  # one more, so that every look-up below is inside
        first = np.where(rank == 0, starts[rows], padded[low[rows] + rank - 1] + 1)
        last = np.where(rank == count[rows] - 1, ends[rows], padded[low[rows] + rank])
        return rows, first, last

    def _words(self, at: np.ndarray) -> np.ndarray:
        """The eight bytes at each offset as little-endian uint64; fancy indexing copies no more."""
        view = np.ndarray((len(self.text) - 7,), "<u8", buffer=self.text.data, strides=(1,))
        return view[at].astype(np.uint64, copy=False)


def hash_text(text: str) -> np.uint64:
    """The hash that `RowBlock.hashes` gives this text."""
    raw = np.frombuffer(text.encode() + _PAD, dtype=np.uint8)
    empty = np.zeros(0, dtype=np.int64)
    block = RowBlock(raw, np.zeros((1, 10), dtype=np.int64), empty, empty)
    return block.hashes((np.array([0]), np.array([len(raw) - len(_PAD)])))[0]


def read_rows(path: str | PathLike) -> Iterator[RowBlock]:
    """Yield the data rows of a GTF or GFF3 file, plain or gzip, in blocks of about 16 MiB.

    Comments and empty lines are skipped; a ``##FASTA`` section ends the file. A row without nine
    tab-separated columns is a BasewiseError with file and line.
    """
    line_number = 1
    for raw in read_blocks(Path(path), BLOCK_BYTES):
        text = np.frombuffer(raw + _PAD, dtype=np.uint8)
        body = text[: len(raw)]
        breaks = np.flatnonzero((body == 10) | (body == 9) | (body == 59))
        kinds = body[breaks]
        line_ends, tabs, semicolons = (breaks[kinds == byte] for byte in (10, 9, 59))
        line_starts = np.append(0, line_ends[:-1] + 1)
        numbers = line_number + np.arange(len(line_ends))
        line_number += len(line_ends)

        comments = np.flatnonzero(body[line_starts] == ord("#")).tolist()
        fasta = [i for i in comments if raw.startswith(b"##FASTA", int(line_starts[i]))]
        n_lines = fasta[0] if fasta else len(line_ends)
        line_starts, line_ends = line_starts[:n_lines], line_ends[:n_lines]
        numbers = numbers[:n_lines]
        first_tab = np.searchsorted(tabs, line_starts)
        n_tabs = np.searchsorted(tabs, line_ends) - first_tab
        line_ends = line_ends - (text[np.maximum(line_ends - 1, 0)] == 13)
        is_row = (line_ends > line_starts) & (text[line_starts] != ord("#"))
        bad = np.flatnonzero(is_row & (n_tabs != N_COLUMNS - 1))
        if len(bad):
            i = bad[0]
            shown = raw[line_starts[i] : line_ends[i]][:80].decode("utf-8", errors="replace")
            raise BasewiseError(
                f"{path} line {numbers[i]} has {n_tabs[i] + 1} tab-separated columns, not nine",
                found=repr(shown),
                hint="Give a GTF or GFF3 file",
            )
        inner = tabs[first_tab[is_row][:, None] + np.arange(N_COLUMNS - 1)]
        edges = np.column_stack((line_starts[is_row] - 1, inner, line_ends[is_row]))
        yield RowBlock(text, edges, numbers[is_row], semicolons)
        if fasta:
            return
