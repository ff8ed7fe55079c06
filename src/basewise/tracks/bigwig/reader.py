"""Reads bigWigs through pyBigWig; positions without a value are NaN."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyBigWig

from basewise.errors import BasewiseError

WINDOW_BP = 1 << 20


def read_chroms(path: str | os.PathLike) -> dict[str, int]:
    """The chroms of a bigWig and their sizes in bp, in the file's order."""
    with _open(path) as bigwig:
        return dict(bigwig.chroms())


def read_values(path: str | os.PathLike, chrom: str, start: int, end: int) -> np.ndarray:
    """The values of [start, end) (bp, 0-based) as float32 (end - start,), NaN where there is none.

    Raises:
        BasewiseError: The file is missing or no bigWig, lacks the chrom, or the interval leaves it.
    """
    with _open(path) as bigwig:
        _check(bigwig, path, chrom, start, end)
        return _values(bigwig, chrom, start, end)


def iterate_values(
    path: str | os.PathLike,
    chrom: str,
    start: int = 0,
    end: int | None = None,
    *,
    window_bp: int = WINDOW_BP,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (start, float32 values) of windows of `window_bp` over [start, end) of one chrom.

    The last window is shorter where the interval is no multiple; by default the whole chrom.
    """
    with _open(path) as bigwig:
        end = bigwig.chroms().get(chrom, 0) if end is None else end
        _check(bigwig, path, chrom, start, end)
        for window in range(start, end, window_bp):
            yield window, _values(bigwig, chrom, window, min(window + window_bp, end))


@contextmanager
def _open(path: str | os.PathLike) -> Iterator:
    try:
        bigwig = pyBigWig.open(os.fspath(path))
    except RuntimeError:
        bigwig = None
    if bigwig is None or not bigwig.isBigWig():
        found = "no such file" if not os.path.exists(path) else "something else"
        raise BasewiseError(f"{path} is not a bigWig", found=found)
    try:
        yield bigwig
    finally:
        bigwig.close()


def _check(bigwig, path: str | os.PathLike, chrom: str, start: int, end: int) -> None:
    size = bigwig.chroms().get(chrom)
    if size is None:
        raise BasewiseError(f"{path} has no chrom {chrom}", found=f"{len(bigwig.chroms())} others")
    if not 0 <= start <= end <= size:
        raise BasewiseError(f"{path}: {chrom}:{start}-{end} is not within its {size} bp")


def _values(bigwig, chrom: str, start: int, end: int) -> np.ndarray:
    if start == end:
        return np.empty(0, dtype=np.float32)
    return np.asarray(bigwig.values(chrom, start, end, numpy=True), dtype=np.float32)
