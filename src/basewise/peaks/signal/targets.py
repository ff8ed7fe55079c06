"""Training targets: the values of many signals at many loci."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.peaks.signal.binned import BinnedSignal
from basewise.peaks.signal.loci import OFF_GRID, snap_to_grid
from basewise.tracks.bigwig.binning import bin_values
from basewise.tracks.bigwig.blocks import BigWigBlocks

MISSING = ("zero", "nan")
TABLE_COLUMNS = ("name", "target", "biotype", "bins", "bigwig")


class SignalTargets:
    """Values of the signals that `bin_signals` binned; may be handed to other processes.

    Attributes:
        table: A row per signal: name, target, biotype, bins (the memory map), bigwig.
        resolution_bp: Width of a bin.
    """

    def __init__(
        self,
        table: str | os.PathLike,
        *,
        missing: str = "zero",
        off_grid: str = "exact",
        crop_to_bins: int | None = None,
    ):
        """Open the maps of a signals.tsv.

        Args:
            table: The table; maps lie relative to it.
            missing: What a bin without any value is: "zero", or "nan" for losses that mask it.
            off_grid: What happens to a locus whose start is no multiple of the resolution:
                "exact" bins its stretch of the bigWig anew, from its own start, so the bigWig must
                still be there; "snap" takes the bins from the next multiple below; "error".
            crop_to_bins: Bins to keep from the middle of each locus; of an odd rest the larger
                part goes on the right. None keeps all.

        Raises:
            BasewiseError: An unknown choice, a table of other columns, maps that are missing, not
                whole, or not alike.
        """
        for value, legal, name in ((missing, MISSING, "missing"), (off_grid, OFF_GRID, "off_grid")):
            if value not in legal:
                raise BasewiseError(
                    f"unknown value of '{name}'", found=repr(value), hint=nearest(value, legal)
                )
        self.path = Path(table)
        self.missing, self.off_grid, self.crop_to_bins = missing, off_grid, crop_to_bins
        try:
            self.table = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
        except OSError as error:
            raise BasewiseError(f"{table} cannot be read", found=error.strerror) from None
        for column in TABLE_COLUMNS:
            if column not in self.table:
                raise BasewiseError(f"{table} is no table of binned signals: no column '{column}'")
        if self.table.empty:
            raise BasewiseError(f"{table} lists no signal")
        self._maps = [BinnedSignal(self.path.parent / bins) for bins in self.table["bins"]]
        kinds = {(one.resolution_bp, one.statistic) for one in self._maps}
        if len(kinds) > 1:
            raise BasewiseError(
                f"{table}: the signals are binned in different ways", found=sorted(kinds)
            )
        self.resolution_bp, self.statistic = kinds.pop()

    def __reduce__(self):
        return _reopen, (self.path, self.missing, self.off_grid, self.crop_to_bins)

    def __len__(self) -> int:
        return len(self._maps)

    def read(self, loci: pd.DataFrame, signals: Sequence[int] | None = None) -> np.ndarray:
        """The values of some signals, by row of `table` (all by default), at loci of one width.

        Args:
            loci: Columns chrom, start, end (bp, 0-based, half-open), as `read_loci` and the
                windows of peaks have them.
            signals: Rows of `table`.

        Returns:
            float32 (n_loci, n_bins, n_signals).

        Raises:
            BasewiseError: Widths differ or are no multiple of the resolution, there are fewer
                bins than are to be kept, a locus leaves its chrom, or a bigWig lacks the chrom.
        """
        chosen = range(len(self)) if signals is None else signals
        chroms = loci["chrom"].to_numpy(dtype=str)
        starts = loci["start"].to_numpy(np.int64)
        left, n_bins = self._crop(loci)
        if self.off_grid == "snap":
            starts = snap_to_grid(starts, self.resolution_bp)
        starts = starts + left * self.resolution_bp
        values = np.empty((len(loci), n_bins, len(chosen)), np.float32)
        on_grid = starts % self.resolution_bp == 0
        exact = ~on_grid if self.off_grid == "exact" else np.zeros_like(on_grid)
        for column, signal in enumerate(chosen):
            one = self._maps[signal]
            width_bp = n_bins * self.resolution_bp
            first = one.first_bins(chroms[~exact], starts[~exact], width_bp)
            if len(first):
                windows = np.lib.stride_tricks.sliding_window_view(one.bins, n_bins)
                values[~exact, :, column] = windows[first]
            if exact.any():
                rebinned = self._rebin(signal, chroms[exact], starts[exact], width_bp)
                values[exact, :, column] = rebinned
        if self.missing == "zero":
            np.nan_to_num(values, copy=False, nan=0.0)
        return values

    def _crop(self, loci: pd.DataFrame) -> tuple[int, int]:
        """(bins cut on the left, bins kept) of loci of one width."""
        widths = (loci["end"] - loci["start"]).unique()
        if len(widths) != 1 or widths[0] % self.resolution_bp or widths[0] == 0:
            raise BasewiseError(
                "loci must have one width, a multiple of the resolution",
                found=f"{', '.join(map(str, sorted(widths)[:5])) or 'no locus'} bp, resolution "
                f"{self.resolution_bp} bp",
            )
        n_bins = int(widths[0]) // self.resolution_bp
        kept = n_bins if self.crop_to_bins is None else self.crop_to_bins
        if not 0 < kept <= n_bins:
            raise BasewiseError(
                "loci are too narrow for the bins to keep",
                found=f"{n_bins} bins of {self.resolution_bp} bp, {kept} to keep",
            )
        return (n_bins - kept) // 2, kept

    def _rebin(self, signal: int, chroms, starts, width_bp: int) -> np.ndarray:
        one = self._maps[signal]
        path = self.path.parent / self.table["bigwig"][signal]
        with suppress(OSError):
            status = path.stat()
            if status.st_size != one.source["bytes"]:
                raise BasewiseError(
                    f"{path} has changed since it was binned",
                    found=f"{status.st_size} bytes, not {one.source['bytes']}",
                    hint="Bin it again",
                )
        with BigWigBlocks(path) as bigwig:
            return np.stack(
                [
                    bin_values(
                        bigwig,
                        one.name_in_source(str(chrom)),
                        int(start),
                        int(start) + width_bp,
                        resolution_bp=self.resolution_bp,
                        statistic=self.statistic,
                    )
                    for chrom, start in zip(chroms, starts, strict=True)
                ]
            )


def _reopen(table, missing, off_grid, crop_to_bins) -> SignalTargets:
    return SignalTargets(table, missing=missing, off_grid=off_grid, crop_to_bins=crop_to_bins)
