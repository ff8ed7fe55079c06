"""The loci whose values are wanted: equal windows of a BED file, each with its split."""

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.intervals.bed import known_records

OFF_GRID = ("exact", "snap", "error")


def read_loci(
    path: str | os.PathLike,
    chromsizes: Mapping[str, int],
    *,
    resolution_bp: int,
    rename: Mapping[str, str] | None = None,
    split: str | None = None,
) -> pd.DataFrame:
    """Read loci of one width: columns chrom (text), start, end (int64, bp), split (text).

    Args:
        path: BED, plain or gzip; the fourth column is the split ("train", "valid", "test"), as in
            the sequences.bed of Basenji2 and Enformer. Without it the split is empty.
        chromsizes: Chrom lengths in bp; loci on other chroms are left out with one warning.
        resolution_bp: The width must be a whole number of bins of this.
        rename: Chrom names of the file → ours.
        split: Keep the loci of this split only.

    Raises:
        BasewiseError: A row is not BED or reaches past its chrom, its width differs from that of
            the first row or is no multiple of the resolution, or no locus is left.
    """
    rows: list[tuple[str, int, int, str]] = []
    seen: dict[str, None] = {}
    for number, (chrom, start, end, *rest) in known_records(path, chromsizes, rename):
        if (end - start) % resolution_bp or end == start:
            raise BasewiseError(
                f"{path} line {number}: the width of a locus must be a multiple of the resolution",
                found=f"{end - start} bp, resolution {resolution_bp} bp",
            )
        if rows and end - start != rows[0][2] - rows[0][1]:
            raise BasewiseError(
                f"{path} line {number}: all loci must have one width",
                found=f"{end - start} bp after {rows[0][2] - rows[0][1]} bp",
            )
        rows.append((chrom, start, end, rest[0].strip() if rest else ""))
        seen[rows[-1][3]] = None
    kept = [row for row in rows if split is None or row[3] == split]
    if not kept:
        raise BasewiseError(
            f"{path} holds no locus" + (f" of split '{split}'" if split is not None else ""),
            found=f"{len(rows)} loci of splits {', '.join(map(repr, seen))}" if rows else "no row",
        )
    loci = pd.DataFrame(kept, columns=["chrom", "start", "end", "split"])
    return loci.astype({"start": np.int64, "end": np.int64})


def snap_to_grid(starts: np.ndarray, resolution_bp: int) -> np.ndarray:
    """Starts moved down to the next multiple of the resolution, hence by less than one bin."""
    return starts - starts % resolution_bp
