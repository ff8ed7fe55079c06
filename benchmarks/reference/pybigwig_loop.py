"""The baseline of bench_bigwig: what one writes with pyBigWig alone, a megabase at a time."""

from collections.abc import Iterable

import numpy as np
import pyBigWig


def write_with_pybigwig(path: str, chrom: str, size: int, pieces: Iterable[np.ndarray]) -> None:
    """Write float32 pieces, end to end from 0, as fixedStep values of one chrom."""
    bigwig = pyBigWig.open(path, "w")
    bigwig.addHeader([(chrom, size)])
    start = 0
    for values in pieces:
        bigwig.addEntries(chrom, start, values=values, span=1, step=1)
        start += len(values)
    bigwig.close()
