"""Folds values into zoom records: bases covered, min, max, sum, sum of squares per bin.

Bins lie on a grid from each chrom's start; a record reaches from its first to its last covered
base. Sums run in a fixed order within sections and batches of them, so they depend on nothing but
the values. NumPy alone: compiled code would save a tenth of the writing time and hold 100 MB.
"""

import numpy as np

from basewise.tracks.bigwig.format import SECTION_WORDS
from basewise.tracks.bigwig.sections import SectionBatch

RECORD = np.dtype(
    [
        ("chrom", "i8"),
        ("start", "i8"),
        ("end", "i8"),
        ("covered", "i8"),
        ("min", "f8"),
        ("max", "f8"),
        ("sum", "f8"),
        ("squares", "f8"),
    ]
)


def records_of_batch(batch: SectionBatch, reduction: int) -> np.ndarray:
    """RECORDs of every section of a batch, one for each bin of `reduction` bp it touches."""
    records = []
    for row in range(batch.n):
        chrom, start, _, _, span = batch.words[row, : SECTION_WORDS - 1].tolist()
        values = batch.values[row, SECTION_WORDS : SECTION_WORDS + batch.counts[row]]
        if span == 1:
            records.append(_records_of_bases(chrom, start, values, reduction))
        else:
            records.append(_records_of_spans(chrom, start, span, values, reduction))
    return np.concatenate(records)


def fold_records(records: np.ndarray, reduction: int) -> np.ndarray:
    """Join the RECORDs that lie in the same bin of `reduction` bp."""
    bins = records["start"] // reduction
    first = np.flatnonzero(np.append(True, (np.diff(bins) != 0) | (np.diff(records["chrom"]) != 0)))
    folded = records[first]
    folded["end"] = records["end"][np.append(first[1:], len(records)) - 1]
    folded["min"] = np.minimum.reduceat(records["min"], first)
    folded["max"] = np.maximum.reduceat(records["max"], first)
    for field in ("covered", "sum", "squares"):
        folded[field] = np.add.reduceat(records[field], first)
    return folded


def _records_of_bases(chrom: int, start: int, values: np.ndarray, reduction: int) -> np.ndarray:
    end = start + len(values)
    bounds = np.arange(start - start % reduction, end, reduction)
    bounds[0] = start
    first = bounds - start
    records = np.empty(len(first), dtype=RECORD)
    records["chrom"] = chrom
    records["start"] = bounds
    records["end"][:-1], records["end"][-1] = bounds[1:], end
    records["covered"] = records["end"] - bounds
    records["min"] = np.minimum.reduceat(values, first)
    records["max"] = np.maximum.reduceat(values, first)
    exact = values.astype(np.float64)
    records["sum"] = np.add.reduceat(exact, first)
    records["squares"] = np.add.reduceat(np.square(exact, out=exact), first)
    return records


def _records_of_spans(
    chrom: int, start: int, span: int, values: np.ndarray, reduction: int
) -> np.ndarray:
    """As for bases; a value that reaches over a bin's end gives each bin its bases."""
    end = start + len(values) * span
    bounds = np.arange(start - start % reduction, end, reduction)
    bounds[0] = start
    starts = np.union1d(np.arange(start, end, span), bounds)
    widths = np.diff(starts, append=end)
    pieces = values[(starts - start) // span].astype(np.float64)
    first = np.searchsorted(starts, bounds)
    records = np.empty(len(first), dtype=RECORD)
    records["chrom"] = chrom
    records["start"] = bounds
    records["end"][:-1], records["end"][-1] = bounds[1:], end
    records["covered"] = records["end"] - bounds
    records["min"] = np.minimum.reduceat(pieces, first)
    records["max"] = np.maximum.reduceat(pieces, first)
    records["sum"] = np.add.reduceat(pieces * widths, first)
    records["squares"] = np.add.reduceat(pieces * pieces * widths, first)
    return records
