"""The zoom levels of a bigWig: each level's records, packed and spilled to a file of its own."""

import tempfile
from collections.abc import Sequence
from os import PathLike
from typing import BinaryIO

import numpy as np

from basewise.tracks.bigwig.deflate import compress
from basewise.tracks.bigwig.format import ZOOM_RECORDS_PER_BLOCK, ZOOM_WORDS
from basewise.tracks.bigwig.rtree import BlockList
from basewise.tracks.bigwig.sections import SectionBatch
from basewise.tracks.bigwig.zoom_records import RECORD, fold_records, records_of_batch


class ZoomLevel:
    """One level: the record still open, a block being filled, and the blocks spilled so far."""

    def __init__(self, reduction: int, folder: str | PathLike):
        self.reduction = reduction
        self.records = 0
        self.blocks = BlockList()
        self.spill = tempfile.TemporaryFile(dir=folder, prefix=".bigwig-zoom.")  # noqa: SIM115
        self._open = np.empty(0, dtype=RECORD)
        self._block = np.empty((ZOOM_RECORDS_PER_BLOCK, ZOOM_WORDS), dtype=np.uint32)
        self._filled = 0
        self._spilled_bytes = 0

    def add(self, records: np.ndarray) -> np.ndarray:
        """Fold RECORDs (n,), n > 0, into this level's bins; returns those that are now closed."""
        folded = fold_records(np.concatenate((self._open, records)), self.reduction)
        closed, self._open = folded[:-1], folded[-1:]
        self._store(closed)
        return closed

    def finish(self) -> np.ndarray:
        """Close the record that is still open; returns it, (0,) or (1,)."""
        closed, self._open = self._open, self._open[:0]
        self._store(closed)
        return closed

    def _store(self, closed: np.ndarray) -> None:
        """Append closed records to the blocks; a block holds one chrom."""
        words = np.empty((len(closed), ZOOM_WORDS), dtype=np.uint32)
        floats = words.view(np.float32)
        for column, field in enumerate(RECORD.names):
            (words if column < 4 else floats)[:, column] = closed[field]
        self.records += len(words)
        cuts = np.flatnonzero(np.diff(closed["chrom"])) + 1
        for piece in np.split(words, cuts):
            if self._filled and len(piece) and self._block[0, 0] != piece[0, 0]:
                self._spill_block()
            while len(piece):
                taken = piece[: ZOOM_RECORDS_PER_BLOCK - self._filled]
                self._block[self._filled : self._filled + len(taken)] = taken
                self._filled += len(taken)
                piece = piece[len(taken) :]
                if self._filled == ZOOM_RECORDS_PER_BLOCK:
                    self._spill_block()

    def copy_to(self, stream: BinaryIO) -> None:
        """Append the spilled blocks to the bigWig and drop the spill file."""
        self._spill_block()
        self.spill.seek(0)
        while piece := self.spill.read(1 << 20):
            stream.write(piece)
        self.spill.close()

    def _spill_block(self) -> None:
        if not self._filled:
            return
        records = self._block[: self._filled]
        packed = compress(memoryview(records).cast("B"))
        chrom, start, end = int(records[0, 0]), int(records[0, 1]), int(records[-1, 2])
        self.blocks.add(chrom, start, end, self._spilled_bytes, len(packed))
        self.spill.write(packed)
        self._spilled_bytes += len(packed)
        self._filled = 0


class ZoomPyramid:
    """All levels, each folded from the records of the one below, and the file's summary.

    Args:
        reductions: Bin sizes in bp, ascending, each a multiple of the one before.
        folder: Where the spill files lie; they have no name, so nothing stays behind.
    """

    def __init__(self, reductions: Sequence[int], folder: str | PathLike):
        self.levels = [ZoomLevel(reduction, folder) for reduction in reductions]
        self.covered_bp = 0
        self.low, self.high, self.sum, self.squares = 0.0, 0.0, 0.0, 0.0

    def add(self, batch: SectionBatch) -> None:
        """Fold the sections of a batch, which is not empty, into every level."""
        records = records_of_batch(batch, self.levels[0].reduction)
        self._summarise(records)
        self._fold(0, records)

    def finish(self) -> None:
        """Close the open record of every level, lowest first."""
        for depth, level in enumerate(self.levels):
            self._fold(depth + 1, level.finish())

    def close(self) -> None:
        """Drop the spill files."""
        for level in self.levels:
            level.spill.close()

    def _fold(self, depth: int, records: np.ndarray) -> None:
        for level in self.levels[depth:]:
            if not len(records):
                return
            records = level.add(records)

    def _summarise(self, records: np.ndarray) -> None:
        low, high = float(records["min"].min()), float(records["max"].max())
        self.low = min(self.low, low) if self.covered_bp else low
        self.high = max(self.high, high) if self.covered_bp else high
        self.covered_bp += int(records["covered"].sum())
        self.sum += float(records["sum"].sum())
        self.squares += float(records["squares"].sum())
