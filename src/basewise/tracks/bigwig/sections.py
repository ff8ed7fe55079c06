"""Cuts a stream of values into bigWig sections, wherever the caller cut it before.

A run is a stretch of touching bins on one chrom. Sections start at a run's start and every 8,192
values after it, so the same values give the same sections however they arrive.
"""

from collections.abc import Callable

import numpy as np

from basewise.tracks.bigwig.format import FIXED_STEP, SECTION_VALUES, SECTION_WORDS

BATCH_SECTIONS = 64  # 2 MB: enough work for one task, little enough to hold several


class SectionBatch:
    """Sections ready to pack: `words` uint32 (64, 6 + 8192), `counts` values in each, `n` rows."""

    def __init__(self):
        self.words = np.empty((BATCH_SECTIONS, SECTION_WORDS + SECTION_VALUES), dtype=np.uint32)
        self.values = self.words.view(np.float32)
        self.counts = np.zeros(BATCH_SECTIONS, dtype=np.int64)
        self.n = 0

    def section(self, row: int) -> memoryview:
        """The bytes of one section: its header and its values."""
        return memoryview(self.words[row, : SECTION_WORDS + self.counts[row]]).cast("B")


class SectionCutter:
    """Joins touching values into runs and hands over full batches of their sections.

    Args:
        emit: Takes a full batch and returns an empty one to fill next.
    """

    def __init__(self, emit: Callable[[SectionBatch], SectionBatch]):
        self._emit = emit
        self._batch = SectionBatch()
        self._filled = 0
        self._chrom, self._start, self._span, self._end = -1, 0, 0, -1

    def add(self, chrom: int, start: int, values: np.ndarray, span: int) -> None:
        """Append float32 values of `span` bp each from `start` (bp) on a chrom (an id)."""
        if chrom != self._chrom or start != self._end or span != self._span:
            self._close_section()
        taken = 0
        while taken < len(values):
            if not self._filled:
                self._chrom, self._start, self._span = chrom, start + taken * span, span
            count = min(len(values) - taken, SECTION_VALUES - self._filled)
            first = SECTION_WORDS + self._filled
            row = self._batch.values[self._batch.n]
            row[first : first + count] = values[taken : taken + count]
            taken += count
            self._filled += count
            if self._filled == SECTION_VALUES:
                self._close_section()
        self._chrom, self._span = chrom, span
        self._end = start + len(values) * span

    def finish(self) -> None:
        """Hand over what is left."""
        self._close_section()
        if self._batch.n:
            self._batch = self._emit(self._batch)

    def _close_section(self) -> None:
        if not self._filled:
            return
        batch, count, span = self._batch, self._filled, self._span
        end = self._start + count * span
        kind = FIXED_STEP | count << 16
        batch.words[batch.n, :SECTION_WORDS] = (self._chrom, self._start, end, span, span, kind)
        batch.counts[batch.n] = count
        batch.n += 1
        self._filled = 0
        if batch.n == BATCH_SECTIONS:
            self._batch = self._emit(batch)
