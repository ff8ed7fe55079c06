"""Values of a bigWig summed up in bins: mean, sum or maximum over the bases that have a value."""

import numpy as np
from numba import njit

from basewise.errors import BasewiseError
from basewise.tracks.bigwig.blocks import BigWigBlocks

STATISTICS = ("mean", "sum", "max")

_BEDGRAPH, _VARIABLE_STEP, _FIXED_STEP = 1, 2, 3
_SHORT, _UNKNOWN = -1, -2


def bin_values(
    bigwig: BigWigBlocks,
    chrom: str,
    start: int,
    end: int,
    *,
    resolution_bp: int,
    statistic: str = "mean",
) -> np.ndarray:
    """One number for each bin of `resolution_bp` from `start` on (bp, 0-based, half-open).

    The mean is that over the bases which have a value, as is the maximum; the sum takes bases
    without one as 0. Sums run in double precision.

    Args:
        bigwig: The open file.
        chrom, start, end: The interval, inside its chrom. The last bin may be narrower.
        resolution_bp: Width of a bin.
        statistic: "mean", "sum" or "max".

    Returns:
        float32 (ceil((end - start) / resolution_bp),), NaN where no base of the bin has a value.

    Raises:
        BasewiseError: An unknown statistic, an interval that leaves its chrom, a block that is
            damaged, or a value that is infinite.
    """
    if statistic not in STATISTICS:
        raise BasewiseError(
            "unknown statistic of bins", found=repr(statistic), hint=f"Use {', '.join(STATISTICS)}"
        )
    chrom_id, size = bigwig.get_id(chrom), bigwig.chromsizes[chrom]
    if not 0 <= start <= end <= size:
        raise BasewiseError(f"{bigwig.path}: {chrom}:{start}-{end} is not within its {size} bp")
    n_bins = -(-(end - start) // resolution_bp)
    totals, covered = np.zeros(n_bins), np.zeros(n_bins, np.int64)
    if statistic == "max":
        totals[:] = -np.inf
    for words in bigwig.read(chrom, start, end):
        verdict = _add_block(
            words,
            words.view(np.float32),
            chrom_id,
            start,
            end,
            resolution_bp,
            statistic == "max",
            totals,
            covered,
        )
        if verdict:
            raise BasewiseError(
                f"{bigwig.path} is damaged: a block of {chrom} "
                + ("is too short" if verdict == _SHORT else "is of no known kind")
            )
    binned = np.full(n_bins, np.nan, np.float32)
    with np.errstate(over="ignore"):
        scale = covered if statistic == "mean" else 1
        np.divide(totals, scale, out=binned, where=covered > 0, casting="same_kind")
    if np.isinf(binned).any():
        first = start + int(np.argmax(np.isinf(binned))) * resolution_bp
        raise BasewiseError(
            f"{bigwig.path} holds values that are not finite, or too large",
            found=f"at {chrom}:{first}-{min(first + resolution_bp, end)}",
        )
    return binned


@njit(cache=True, nogil=True)
def _add_block(words, values, chrom_id, start, end, resolution, is_max, totals, covered):
    """Add the items of one block to the bins of start to end; 0, or what is wrong with it."""
    if words[0] != chrom_id:
        return 0
    step, span = np.int64(words[3]), np.int64(words[4])
    kind, count = np.int64(words[5]) & 0xFF, np.int64(words[5]) >> 16
    if kind < 1 or kind > 3:
        return _UNKNOWN
    width = 4 - kind  # words per item: start end value, start value, value
    if 6 + count * width > len(words):
        return _SHORT
    for item in range(count):
        at = 6 + item * width
        if kind == _BEDGRAPH:
            low, high = np.int64(words[at]), np.int64(words[at + 1])
        elif kind == _VARIABLE_STEP:
            low = np.int64(words[at])
            high = low + span
        else:
            low = np.int64(words[1]) + item * step
            high = low + span
        value = np.float64(values[at + width - 1])
        low, high = max(low, start) - start, min(high, end) - start
        if low >= high or np.isnan(value):
            continue
        at_bin = low // resolution
        while low < high:
            edge = min((at_bin + 1) * resolution, high)
            covered[at_bin] += edge - low
            if is_max:
                totals[at_bin] = max(totals[at_bin], value)
            else:
                totals[at_bin] += value * (edge - low)
            low = edge
            at_bin += 1
    return 0
