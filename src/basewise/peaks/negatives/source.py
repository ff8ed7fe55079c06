"""Where negatives get peaks from: a PeakStore, or a DataFrame that answers the same questions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap, merge
from basewise.peaks.dropped import no_dropped

NAMES = ("experiment", "target", "biotype")
PLACES = ("chrom", "start", "end", "summit")


Choice = str | Collection[str] | None


class Peaks(Protocol):
    """What negatives and windows ask of peaks: `PeakStore` and `FramePeaks`."""

    chromsizes: Mapping[str, int]

    @property
    def chroms(self) -> list[str]:
        """The chroms that hold a peak."""

    def scopes(self) -> pd.DataFrame:
        """A row per scope: experiment, target, biotype, n_peaks."""

    def read(self, *, chrom=None, target=None, biotype=None, columns=None) -> pd.DataFrame:
        """The peaks of a chrom or a scope, sorted by chrom, start and end."""

    def read_by_scope(self, columns: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """All peaks by target, biotype, experiment, in parts: chrom (a number), and columns."""

    def intervals(self, *, target=None, biotype=None) -> IntervalMap:
        """The bases under the peaks of a scope, or of all."""

    def catalogue(self) -> IntervalMap:
        """The bases under all peaks, those included that filters dropped."""

    def dropped(self) -> pd.DataFrame:
        """Peaks that filters dropped of targets in biotypes that are left; see `read_dropped`."""


class FramePeaks:
    """Peaks held in a DataFrame with the columns of a peak store.

    Args:
        frame: chrom, start, end, summit (bp, 0-based half-open), experiment, target, biotype and,
            if they are wanted, further columns.
        chromsizes: Chrom lengths in bp.
        catalogue: The bases under what the peaks were chosen from; theirs when None.
        dropped: chrom, start, end, target (unmodified), biotype of what filters dropped of the
            targets, in their biotypes.

    Raises:
        BasewiseError: A column is missing, a peak is empty or does not lie in its chrom.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        chromsizes: Mapping[str, int],
        catalogue: IntervalMap | None = None,
        dropped: pd.DataFrame | None = None,
    ):
        missing = [name for name in (*PLACES, *NAMES) if name not in frame]
        if missing:
            raise BasewiseError("the table of peaks lacks columns", found=", ".join(missing))
        self.chromsizes = dict(chromsizes)
        rank = {chrom: i for i, chrom in enumerate(self.chromsizes)}
        code = frame["chrom"].map(rank).astype(float).fillna(-1).to_numpy().astype(np.int64)
        sizes = np.array([*self.chromsizes.values(), -1], dtype=np.int64)[code]
        start, end = frame["start"].to_numpy(np.int64), frame["end"].to_numpy(np.int64)
        bad = np.flatnonzero((code < 0) | (start < 0) | (end <= start) | (end > sizes))
        if len(bad):
            row = frame.iloc[bad[0]]
            raise BasewiseError(
                f"{len(bad)} peaks are empty or do not lie in a chrom of the genome",
                found=f"{row['chrom']}:{row['start']}-{row['end']}",
                hint="Are they of another assembly?",
            )
        order = np.lexsort((end, start, code))
        self._frame = frame.iloc[order].reset_index(drop=True)
        self._catalogue, self._dropped = catalogue, dropped

    @property
    def chroms(self) -> list[str]:
        found = set(self._frame["chrom"].unique())
        return [chrom for chrom in self.chromsizes if chrom in found]

    def scopes(self) -> pd.DataFrame:
        groups = self._frame.groupby(list(NAMES), observed=True).size()
        return groups.rename("n_peaks").reset_index()

    def read(self, *, chrom=None, target=None, biotype=None, columns=None) -> pd.DataFrame:
        frame = self._frame[self._is_chosen(chrom=chrom, target=target, biotype=biotype)]
        return frame if columns is None else frame[list(columns)]

    def read_by_scope(self, columns: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        names = [self._frame[name].astype(str) for name in ("experiment", "biotype", "target")]
        order = np.lexsort([pd.factorize(column, sort=True)[0] for column in names])
        rank = {chrom: i for i, chrom in enumerate(self.chromsizes)}
        chrom = self._frame["chrom"].map(rank).to_numpy(np.int64)
        values = {name: self._frame[name].to_numpy() for name in columns}
        yield {name: value[order] for name, value in ({"chrom": chrom} | values).items()}

    def intervals(self, *, target=None, biotype=None) -> IntervalMap:
        frame = self.read(target=target, biotype=biotype)
        return {
            str(chrom): merge(rows[["start", "end"]].to_numpy(np.int64))
            for chrom, rows in frame.groupby("chrom", observed=True, sort=False)
        }

    def catalogue(self) -> IntervalMap:
        return self.intervals() if self._catalogue is None else self._catalogue

    def dropped(self) -> pd.DataFrame:
        return no_dropped(self.chromsizes) if self._dropped is None else self._dropped

    def _is_chosen(self, **names: Choice) -> np.ndarray:
        chosen = np.ones(len(self._frame), dtype=bool)
        for column, name in names.items():
            if name is not None:
                wanted = [name] if isinstance(name, str) else list(name)
                chosen &= self._frame[column].isin(wanted).to_numpy()
        return chosen
