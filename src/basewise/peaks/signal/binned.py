"""One bigWig as a memory map of bins, read: any locus on the grid is a slice.

`<name>.npy` holds float32 bins of all chroms, one after another, NaN where no base of a bin has
a value; `<name>.json` beside it says where each chrom begins, what the bins are, and of which
bytes they were made. `basewise.peaks.signal.convert` writes both.
"""

import json
import os
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError

LAYOUT = "basewise binned signal 1"


class BinnedSignal:
    """The bins of one bigWig, mapped into memory; may be handed to other processes.

    Attributes:
        path: The .npy file.
        resolution_bp, statistic: What a bin is.
        bins: float32 (n_bins,), read-only, NaN where there is no value.
        source: What was recorded of the bigWig: name, sha256, bytes.
    """

    def __init__(self, path: str | os.PathLike):
        """Open bins that `bin_bigwig` wrote; BasewiseError where they are missing or not whole."""
        self.path = Path(path)
        record = read_sidecar(self.path.with_suffix(".json"))
        if record.get("layout") != LAYOUT:
            raise BasewiseError(
                f"{path} are no bins of a signal",
                found="no record of that layout beside it",
                hint="Bin the bigWig again",
            )
        self.resolution_bp, self.statistic = record["resolution_bp"], record["statistic"]
        self.source, self._chroms = record["source"], record["chroms"]
        try:
            self.bins = np.load(self.path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise BasewiseError(f"{path} cannot be read as bins", found=error) from None
        if self.bins.shape != (record["n_bins"],) or self.bins.dtype != np.dtype("<f4"):
            raise BasewiseError(
                f"{path} does not fit the record beside it",
                found=f"{self.bins.dtype} {self.bins.shape}",
                hint="Bin the bigWig again",
            )

    def __repr__(self) -> str:
        return f"BinnedSignal({str(self.path)!r})"

    def __reduce__(self):
        return BinnedSignal, (self.path,)

    @property
    def chromsizes(self) -> dict[str, int]:
        """Chroms that have bins, and their lengths in bp."""
        return {chrom: row["size_bp"] for chrom, row in self._chroms.items()}

    def name_in_source(self, chrom: str) -> str:
        """What the bigWig calls one of our chroms."""
        return self._row(chrom)["name_in_source"]

    def read(self, chrom: str, start: int, end: int) -> np.ndarray:
        """The bins of chrom:start-end (bp), a view of float32 ((end - start) / resolution,).

        Raises:
            BasewiseError: No such chrom, or an interval that is off the grid or leaves the chrom.
        """
        if (end - start) % self.resolution_bp:
            raise self._off_grid(chrom, start, end)
        first = self.first_bins(np.array([chrom]), np.array([start]), end - start)[0]
        return self.bins[first : first + (end - start) // self.resolution_bp]

    def first_bins(self, chroms: np.ndarray, starts: np.ndarray, width_bp: int) -> np.ndarray:
        """Where in `bins` loci of one width begin: chroms (n,), starts in bp (n,) → int64 (n,).

        Raises:
            BasewiseError: As `read`.
        """
        names, codes = np.unique(np.asarray(chroms, dtype=str), return_inverse=True)
        rows = [self._row(str(name)) for name in names]
        sizes = np.array([row["size_bp"] for row in rows], np.int64)[codes]
        starts = np.asarray(starts, np.int64)
        for wrong, explain in (
            (starts % self.resolution_bp != 0, self._off_grid),
            ((starts < 0) | (starts + width_bp > sizes), self._outside),
        ):
            if wrong.any():
                bad = int(np.argmax(wrong))
                start = int(starts[bad])
                raise explain(str(names[codes[bad]]), start, start + width_bp)
        return np.array([row["first_bin"] for row in rows], np.int64)[codes] + (
            starts // self.resolution_bp
        )

    def _row(self, chrom: str) -> dict:
        if chrom not in self._chroms:
            raise BasewiseError(
                f"{self.path}: the bigWig {self.source['name']} has no chrom {chrom}",
                found=f"{len(self._chroms)} others",
                hint="Leave out its loci, or the bigWig",
            )
        return self._chroms[chrom]

    def _off_grid(self, chrom: str, start: int, end: int) -> BasewiseError:
        return BasewiseError(
            f"{self.path}: {chrom}:{start}-{end} is off the grid of {self.resolution_bp} bp bins"
        )

    def _outside(self, chrom: str, start: int, end: int) -> BasewiseError:
        size = self._chroms[chrom]["size_bp"]
        return BasewiseError(f"{self.path}: {chrom}:{start}-{end} is not within its {size} bp")


def read_sidecar(path: Path) -> dict:
    """What the JSON says; nothing where it is missing or unreadable."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
