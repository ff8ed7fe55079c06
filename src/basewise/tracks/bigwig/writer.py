"""Writes a bigWig as a stream: values in genome order go in, memory stays constant.

Sections are packed in threads and written in order; the file appears under its name when it is
whole. The same values give the same bytes, however they are cut into calls.
"""

import os
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path, explain_write_errors
from basewise.errors import BasewiseError
from basewise.tracks.bigwig import format as layout
from basewise.tracks.bigwig.chromtree import chrom_order, pack_chrom_tree
from basewise.tracks.bigwig.deflate import compress
from basewise.tracks.bigwig.rtree import BlockList, pack_index
from basewise.tracks.bigwig.sections import SectionBatch, SectionCutter
from basewise.tracks.bigwig.zoom import ZoomPyramid

MAX_THREADS = 4


class BigWigWriter:
    """A bigWig that is being written; a context manager, which finishes the file as it ends.

    Args:
        path: The file. It appears when the context ends without an error, or not at all.
        chromsizes: Length in bp of every chrom; all are listed in the file, with data or without.
        resolution_bp: Bases per value.
        compress_threads: Threads that pack sections; by default up to four, one per core at hand.

    Raises:
        BasewiseError: A chrom is empty or longer than 2^32 - 1 bp.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        chromsizes: Mapping[str, int],
        *,
        resolution_bp: int = 1,
        compress_threads: int | None = None,
    ):
        if resolution_bp < 1:
            raise BasewiseError("resolution_bp must be 1 or more", found=resolution_bp)
        self.path = Path(path)
        self.chromsizes = dict(chromsizes)
        self.resolution_bp = resolution_bp
        self.chroms = chrom_order(chromsizes)
        self._ids = {chrom: number for number, chrom in enumerate(self.chroms)}
        self._threads = compress_threads or min(MAX_THREADS, _cores())
        self._last = (-1, 0)  # chrom id and end of what was added last
        self._pending: deque[tuple[SectionBatch, Future]] = deque()
        self._spare: list[SectionBatch] = []
        self._blocks = BlockList()
        self._stack = ExitStack()

    def __enter__(self) -> "BigWigWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._stream = stack.enter_context(temporary.open("wb", buffering=1 << 20))
            longest = max(self.chromsizes.values())
            reductions = layout.zoom_reductions(longest, self.resolution_bp)
            self._pyramid = ZoomPyramid(reductions, self.path.parent)
            stack.callback(self._pyramid.close)
            self._pool = stack.enter_context(ThreadPoolExecutor(self._threads))
            self._cutter = SectionCutter(self._emit)
            self._write_front()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error is not None:
            with suppress(OSError, BasewiseError):  # a disk that is full fails again
                self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._finish()

    def add(self, chrom: str, start: int, values: np.ndarray, *, end: int | None = None) -> None:
        """Append values on a chrom; what lies between two calls and is not given is absent.

        Args:
            chrom: A chrom of `chromsizes`; chroms come in the order of `self.chroms`.
            start: First base (0-based), at or after the end of the call before on this chrom.
            values: float32 (n,), finite, one per `resolution_bp` bases.
            end: Where the last value ends, when it covers fewer bases than the others; by
                default the last value is whole, or ends with its chrom.

        Raises:
            BasewiseError: An unknown chrom, out of order, off the chrom, or a value not finite.
        """
        values = np.ascontiguousarray(values, dtype=np.float32)
        if not len(values):
            return
        step = self.resolution_bp
        whole_end = start + len(values) * step
        if end is None:
            size = self.chromsizes.get(chrom, whole_end)
            end = size if size < whole_end < size + step else whole_end
        self._check(chrom, start, end, values, whole_end)
        chrom_id = self._ids[chrom]
        whole = len(values) if end == whole_end else len(values) - 1
        with explain_write_errors(self.path):
            if whole:
                self._cutter.add(chrom_id, start, values[:whole], step)
            if whole < len(values):
                part_start = start + whole * step
                self._cutter.add(chrom_id, part_start, values[whole:], end - part_start)
        self._last = (chrom_id, end)

    def _check(self, chrom: str, start: int, end: int, values: np.ndarray, whole_end: int) -> None:
        where = f"{self.path}: values at {chrom}:{start}-{end}"
        if chrom not in self._ids:
            raise BasewiseError(f"{where} are on a chrom that chromsizes lacks")
        if not whole_end - self.resolution_bp < end <= whole_end:
            raise BasewiseError(
                f"{where} do not match their number",
                found=f"{len(values)} values of {self.resolution_bp} bp",
            )
        if start < 0 or end > self.chromsizes[chrom]:
            raise BasewiseError(f"{where} leave their chrom of {self.chromsizes[chrom]} bp")
        if (self._ids[chrom], start) < self._last:
            last_chrom, last_end = self._last
            raise BasewiseError(
                f"{where} are out of order",
                found=f"earlier values up to {self.chroms[last_chrom]}:{last_end}",
                hint="Add chroms by name and each from its start to its end",
            )
        if not np.isfinite(values).all():
            raise BasewiseError(
                f"{where} are not all finite",
                found=values[~np.isfinite(values)][0],
                hint="Leave unscored positions out instead",
            )

    def _emit(self, batch: SectionBatch) -> SectionBatch:
        packing = self._pool.submit(_pack_sections, batch)
        self._pyramid.add(batch)
        self._pending.append((batch, packing))
        while len(self._pending) > self._threads:
            self._write_oldest()
        return self._spare.pop() if self._spare else SectionBatch()

    def _write_oldest(self) -> None:
        batch, packing = self._pending.popleft()
        for row, packed in enumerate(packing.result()):
            chrom, start, end = (int(word) for word in batch.words[row, :3])
            self._blocks.add(chrom, start, end, self._position, len(packed))
            self._stream.write(packed)
            self._position += len(packed)
        batch.n = 0
        self._spare.append(batch)

    def _write_front(self) -> None:
        """Header room, chrom tree, room for the count of sections."""
        self._summary_offset = layout.HEADER.size + layout.ZOOM_HEADER.size * len(
            self._pyramid.levels
        )
        self._tree_offset = self._summary_offset + layout.SUMMARY.size
        tree = pack_chrom_tree(self.chromsizes, self._tree_offset)
        self._data_offset = self._tree_offset + len(tree)
        self._stream.write(bytes(self._tree_offset) + tree + bytes(layout.DATA_COUNT.size))
        self._position = self._data_offset + layout.DATA_COUNT.size

    def _finish(self) -> None:
        """Everything after the last section, then the header."""
        self._cutter.finish()
        while self._pending:
            self._write_oldest()
        self._pyramid.finish()
        index_offset = self._stream.tell()
        self._stream.write(pack_index(self._blocks.leaves(), index_offset, 1))
        zooms = []
        for level in self._pyramid.levels:
            offset = self._stream.tell()
            self._stream.write(layout.ZOOM_COUNT.pack(level.records))
            shift = self._stream.tell()
            level.copy_to(self._stream)
            zoom_index = self._stream.tell()
            leaves = level.blocks.leaves(shift)
            self._stream.write(pack_index(leaves, zoom_index, layout.ZOOM_RECORDS_PER_BLOCK))
            zooms.append(layout.ZOOM_HEADER.pack(level.reduction, 0, offset, zoom_index))
        self._stream.write(layout.BIGWIG_MAGIC.to_bytes(4, "little"))
        self._stream.seek(0)
        self._stream.write(
            layout.HEADER.pack(
                layout.BIGWIG_MAGIC,
                layout.VERSION,
                len(zooms),
                self._tree_offset,
                self._data_offset,
                index_offset,
                0,
                0,
                0,
                self._summary_offset,
                layout.BLOCK_BYTES,
                0,
            )
        )
        self._stream.write(b"".join(zooms))
        total = self._pyramid
        self._stream.write(
            layout.SUMMARY.pack(total.covered_bp, total.low, total.high, total.sum, total.squares)
        )
        self._stream.seek(self._data_offset)
        self._stream.write(layout.DATA_COUNT.pack(len(self._blocks)))


def _pack_sections(batch: SectionBatch) -> list[bytes]:
    return [compress(batch.section(row)) for row in range(batch.n)]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
