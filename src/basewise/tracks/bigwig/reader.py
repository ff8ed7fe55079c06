"""Reads bigWigs through pyBigWig; positions without a value are NaN."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyBigWig

from basewise.errors import BasewiseError


@contextmanager
def open_bigwig(path: str | os.PathLike) -> Iterator:
    """Open a bigWig with pyBigWig; a BasewiseError where the file is missing or none."""
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


def read_chroms(path: str | os.PathLike) -> dict[str, int]:
    """The chroms of a bigWig and their sizes in bp, in the file's order."""
    with open_bigwig(path) as bigwig:
        return dict(bigwig.chroms())


def read_values(path: str | os.PathLike, chrom: str, start: int, end: int) -> np.ndarray:
    """The values of [start, end) (bp, 0-based) as float32 (end - start,), NaN where there is none.

    Raises:
        BasewiseError: The file is missing or no bigWig, lacks the chrom, or the interval leaves it.
    """
    with open_bigwig(path) as bigwig:
        _check(bigwig, path, chrom, start, end)
        return _values(bigwig, chrom, start, end)


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
