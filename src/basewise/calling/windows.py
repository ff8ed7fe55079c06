"""A bigWig read from start to end of its chroms, window by window, without what is left out."""

from collections.abc import Iterator, Mapping
from os import PathLike

import numpy as np

from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap, mask_of, merge, read_bed
from basewise.tracks.bigwig.reader import open_bigwig

WINDOW_BP = 1 << 20

_UNSCORED = np.float32(np.nan)


def iter_chroms(
    path: str | PathLike,
    chromsizes: Mapping[str, int],
    *,
    left_out: IntervalMap,
    window_bp: int = WINDOW_BP,
) -> Iterator[tuple[str, Iterator[tuple[int, np.ndarray]]]]:
    """Yield each chrom of `chromsizes` with its consecutive windows (start, float32 values).

    The windows of a chrom cover [0, size) and must be used before the next chrom is asked for.
    Unscored bases, bases of `left_out`, and chroms that the file lacks are NaN. The file is opened
    once, because an assembly may have many thousand contigs. Raises BasewiseError for a file that
    is no bigWig, or of an assembly whose chroms have other sizes.
    """
    with open_bigwig(path) as bigwig:
        in_file = bigwig.chroms()
        for chrom, size_bp in chromsizes.items():
            if in_file.get(chrom, size_bp) != size_bp:
                raise BasewiseError(
                    f"{path} is of another assembly: {chrom} has {size_bp} bp in the genome",
                    found=f"{in_file[chrom]} bp in the track",
                )

        def windows(chrom: str) -> Iterator[tuple[int, np.ndarray]]:
            excluded = left_out.get(chrom, ())
            for start in range(0, chromsizes[chrom], window_bp):
                end = min(start + window_bp, chromsizes[chrom])
                if chrom in in_file:
                    values = bigwig.values(chrom, start, end, numpy=True)
                else:
                    values = np.full(end - start, _UNSCORED)
                if len(excluded):
                    values[mask_of(excluded, start, end)] = _UNSCORED
                yield start, values

        for chrom in chromsizes:
            yield chrom, windows(chrom)


def load_blacklist(
    blacklist: IntervalMap | str | PathLike | None, chromsizes: Mapping[str, int]
) -> IntervalMap:
    """Return the blacklist as merged intervals per chrom; a path is read as a BED file."""
    if blacklist is None:
        return {}
    if isinstance(blacklist, str | PathLike):
        blacklist = read_bed(blacklist, chromsizes=chromsizes)
    return {chrom: merge(intervals) for chrom, intervals in blacklist.items()}
