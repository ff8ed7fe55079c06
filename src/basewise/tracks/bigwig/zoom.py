"""The zoom levels of a bigWig: each level's records, packed and spilled to a file of its own."""

import tempfile
from collections.abc import Sequence
from os import PathLike
from typing import BinaryIO

import numpy as np

from basewise.tracks.bigwig import zoom_kernels as kernels
from basewise.tracks.bigwig.deflate import compress
from basewise.tracks.bigwig.format import (
    MIN_VALUES_PER_BIN,
    SECTION_VALUES,
    ZOOM_RECORDS_PER_BLOCK,
    ZOOM_WORDS,
)
from basewise.tracks.bigwig.rtree import BlockList
from basewise.tracks.bigwig.sections import BATCH_SECTIONS, SectionBatch

# A section closes at most one record per eight values, one as it begins and one as it ends.
MAX_CLOSED = BATCH_SECTIONS * (SECTION_VALUES // MIN_VALUES_PER_BIN + 2) + 1


class ZoomLevel:
    """One level: the record still open, a block being filled, and the blocks spilled so far."""

    def __init__(self, reduction: int, folder: str | PathLike):
        self.reduction = reduction
        self.records = 0
        self.blocks = BlockList()
        self.spill = tempfile.TemporaryFile(dir=folder, prefix=".bigwig-zoom.")  # noqa: SIM115
        self.opened = (np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.float64))
        self._block = np.empty((ZOOM_RECORDS_PER_BLOCK, ZOOM_WORDS), dtype=np.uint32)
        self._filled = 0
        self._spilled_bytes = 0

    def store(self, ints: np.ndarray, floats: np.ndarray) -> None:
        """Append closed records, int64 (n, 4) and float64 (n, 4); a block holds one chrom."""
        words = np.empty((len(ints), ZOOM_WORDS), dtype=np.uint32)
        words[:, :4] = ints
        words.view(np.float32)[:, 4:] = floats
        self.records += len(words)
        cuts = np.flatnonzero(np.diff(ints[:, 0])) + 1
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
        self.total = np.zeros(4, dtype=np.float64)  # min, max, sum, sum of squares
        self._closed = [
            (np.empty((MAX_CLOSED, 4), dtype=np.int64), np.empty((MAX_CLOSED, 4))) for _ in range(2)
        ]

    def add(self, batch: SectionBatch) -> None:
        """Fold the sections of a batch into every level."""
        ints, floats = self._closed[0]
        lowest = self.levels[0]
        n = kernels.fold_sections(
            batch.words,
            batch.values,
            batch.counts,
            batch.n,
            lowest.reduction,
            lowest.opened,
            ints,
            floats,
        )
        self._take(0, ints, floats, n)

    def finish(self) -> None:
        """Close the open record of every level, lowest first."""
        for depth, level in enumerate(self.levels):
            ints, floats = level.opened
            if ints[3]:
                self._take(depth, ints[None].copy(), floats[None].copy(), 1)
                ints[:] = 0

    def close(self) -> None:
        """Drop the spill files."""
        for level in self.levels:
            level.spill.close()

    def _take(self, depth: int, ints: np.ndarray, floats: np.ndarray, n: int) -> None:
        if depth == 0:
            self.covered_bp = kernels.fold_total(ints, floats, n, self.covered_bp, self.total)
        while n:
            self.levels[depth].store(ints[:n], floats[:n])
            depth += 1
            if depth == len(self.levels):
                return
            level = self.levels[depth]
            out_ints, out_floats = self._closed[depth % 2]
            n = kernels.fold_records(
                ints, floats, n, level.reduction, level.opened, out_ints, out_floats
            )
            ints, floats = out_ints, out_floats
