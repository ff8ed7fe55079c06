"""Values of one chrom where they were asked for: painted tile by tile, read region by region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from basewise.intervals import as_intervals, intersect, merge


@dataclass(frozen=True)
class Canvas:
    """Bins of one chrom, on its own grid.

    Attributes:
        covered: int64 (n, 2), apart and sorted, of whole bins.
        values: for each, float32 (bins, tracks), NaN where nothing was painted.
        step_bp: of a bin.
    """

    covered: np.ndarray
    values: list[np.ndarray]
    step_bp: int

    @classmethod
    def of(cls, asked: Sequence[tuple[int, int]], step_bp: int, n_tracks: int) -> Self:
        """Return an empty canvas of all bins that intervals touch."""
        bins = as_intervals(asked)
        covered = merge(np.stack([bins[:, 0] // step_bp, -(-bins[:, 1] // step_bp)], axis=1))
        covered *= step_bp
        sizes = ((covered[:, 1] - covered[:, 0]) // step_bp).tolist()
        values = [np.full((size, n_tracks), np.nan, np.float32) for size in sizes]
        return cls(covered, values, step_bp)

    def paint(self, start: int, values: np.ndarray) -> None:
        """Put (bins, tracks) where they belong, from a base that begins a bin."""
        row, first = self._find(start)
        self.values[row][first : first + len(values)] = values

    def blank(self, intervals: np.ndarray) -> None:
        """Make NaN of all bins that intervals touch."""
        for start, end in intersect(self.covered, merge(intervals)).tolist():
            row, first = self._find(start)
            self.values[row][first : self._find_end(row, end)] = np.nan

    def read(self, start: int, end: int) -> np.ndarray:
        """Return a copy of the bins that an interval touches, which was among those asked for."""
        row, first = self._find(start)
        return self.values[row][first : self._find_end(row, end)].copy()

    def _find(self, position: int) -> tuple[int, int]:
        """The covered interval with a base, and the bin within it."""
        row = int(np.searchsorted(self.covered[:, 0], position, side="right")) - 1
        return row, int(position - self.covered[row, 0]) // self.step_bp

    def _find_end(self, row: int, end: int) -> int:
        return -(-(end - int(self.covered[row, 0])) // self.step_bp)
