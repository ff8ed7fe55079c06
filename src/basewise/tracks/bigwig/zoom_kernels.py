"""Folds values into zoom records: bases covered, min, max, sum, sum of squares per bin.

A record that is still open is kept as `open_ints` int64 (4,): chrom id, start, end, bases
covered, and `open_floats` float64 (4,): min, max, sum, sum of squares. Bins lie on a grid from
each chrom's start; a record reaches from its first to its last covered base. Sums run in genome
order, so they depend on nothing but the values.
"""

import numba
import numpy as np


@numba.njit(nogil=True, cache=True, inline="always")
def _fold(ints, floats, reduction, open_ints, open_floats, out_ints, out_floats, n):
    if open_ints[3] > 0:
        if open_ints[0] == ints[0] and open_ints[1] // reduction == ints[1] // reduction:
            open_ints[2] = ints[2]
            open_ints[3] += ints[3]
            open_floats[0] = min(open_floats[0], floats[0])
            open_floats[1] = max(open_floats[1], floats[1])
            open_floats[2] += floats[2]
            open_floats[3] += floats[3]
            return n
        for field in range(4):
            out_ints[n, field] = open_ints[field]
            out_floats[n, field] = open_floats[field]
        n += 1
    for field in range(4):
        open_ints[field] = ints[field]
        open_floats[field] = floats[field]
    return n


@numba.njit(nogil=True, cache=True)
def fold_sections(words, values, counts, n_sections, reduction, opened, out_ints, out_floats):
    """Fold sections (`SectionBatch` arrays) into bins; closed records go out, their number back."""
    open_ints, open_floats = opened
    ints = np.empty(4, dtype=np.int64)
    floats = np.empty(4, dtype=np.float64)
    n = 0
    for row in range(n_sections):
        ints[0] = words[row, 0]
        position = np.int64(words[row, 1])
        span = np.int64(words[row, 4])
        item, count = np.int64(0), counts[row]
        while item < count:
            bin_end = (position // reduction + 1) * reduction
            whole = min(count - item, (bin_end - position) // span)
            first = np.float64(values[row, 6 + item])
            low, high, total, squares = first, first, 0.0, 0.0
            for index in range(6 + item, 6 + item + whole):
                value = np.float64(values[row, index])
                low = min(low, value)
                high = max(high, value)
                total += value
                squares += value * value
            if whole > 0:
                ints[1] = position
                ints[2] = position + whole * span
                ints[3] = whole * span
                floats[0], floats[1] = low, high
                floats[2], floats[3] = total * span, squares * span
                n = _fold(ints, floats, reduction, open_ints, open_floats, out_ints, out_floats, n)
                item += whole
                position += whole * span
                continue
            # One value reaches over a bin's end: give each bin its bases.
            item_end = position + span
            while position < item_end:
                bin_end = (position // reduction + 1) * reduction
                piece = min(item_end, bin_end) - position
                ints[1] = position
                ints[2] = position + piece
                ints[3] = piece
                floats[0], floats[1] = first, first
                floats[2], floats[3] = first * piece, first * first * piece
                n = _fold(ints, floats, reduction, open_ints, open_floats, out_ints, out_floats, n)
                position += piece
            item += 1
    return n


@numba.njit(nogil=True, cache=True)
def fold_records(in_ints, in_floats, n_in, reduction, opened, out_ints, out_floats):
    """Fold the first `n_in` closed records of the level below into bins; closed records go out."""
    open_ints, open_floats = opened
    n = 0
    for row in range(n_in):
        n = _fold(
            in_ints[row],
            in_floats[row],
            reduction,
            open_ints,
            open_floats,
            out_ints,
            out_floats,
            n,
        )
    return n


@numba.njit(nogil=True, cache=True)
def fold_total(in_ints, in_floats, n_in, covered, total):
    """Add closed records to the file's summary; the bases covered so far go in and come back."""
    for row in range(n_in):
        if covered == 0:
            total[0], total[1] = in_floats[row, 0], in_floats[row, 1]
        covered += in_ints[row, 3]
        total[0] = min(total[0], in_floats[row, 0])
        total[1] = max(total[1], in_floats[row, 1])
        total[2] += in_floats[row, 2]
        total[3] += in_floats[row, 3]
    return covered
