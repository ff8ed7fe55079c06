"""Rows of a peak file, parsed a block of bytes at a time in compiled code.

A name, of a chrom or a peak, is numbered when it is first seen; rows carry the number.
"""

import numba
import numpy as np

from basewise.peaks.columns import CHROM, END, NAME, SCORE, SKIP, START, SUMMIT_OFFSET
from basewise.peaks.name_table import PRIME, SEED, find_name, hash_name

GOOD, WIDTH, NUMBER, NEGATIVE, ORDER, OUTSIDE, SCORELESS, NAMELESS = range(8)
REASONS = {
    WIDTH: "another number of columns",
    NUMBER: "a coordinate that is no whole number",
    NEGATIVE: "a coordinate below 0 or past 2^31",
    ORDER: "a start that is not below its end",
    OUTSIDE: "a summit outside the peak",
    SCORELESS: "a score that is no number",
    NAMELESS: "a name that does not fit the layout",
}
ROW = np.dtype(
    [
        *(("start", "<i4"), ("end", "<i4"), ("summit", "<i4"), ("score", "<f4")),
        *(("name", "<i4"), ("chrom", "<i4"), ("line", "<i8")),
    ]
)
BAD_ROW = np.dtype([("reason", "<i8"), ("line", "<i8"), ("first", "<i8"), ("last", "<i8")])

_LIMIT = 2**31
_TAB, _NEWLINE, _RETURN = 9, 10, 13


@numba.njit(cache=True, nogil=True)
def _whole_number(text, first, last):
    """(reason, value) of a coordinate."""
    is_negative = first < last and text[first] == 45
    if is_negative:
        first += 1
    if first == last:
        return NUMBER, 0
    value = 0
    for i in range(first, last):
        digit = np.int64(text[i]) - 48
        if digit < 0 or digit > 9:
            return NUMBER, 0
        value = min(value * 10 + digit, _LIMIT)
    if is_negative:
        return (GOOD if value == 0 else NEGATIVE), -value
    return (GOOD if value < _LIMIT else NEGATIVE), value


@numba.njit(cache=True, nogil=True)
def _decimal(text, first, last):
    """(reason, value) of a score; a lone dot stands for none, which counts as 0."""
    if last - first == 1 and text[first] == 46:
        return GOOD, 0.0
    sign = 1.0
    if first < last and (text[first] == 45 or text[first] == 43):
        sign = -1.0 if text[first] == 45 else 1.0
        first += 1
    mantissa, power, n_digits, is_fraction, i = np.int64(0), 0, 0, False, first
    while i < last:
        letter = np.int64(text[i])
        if 48 <= letter <= 57:
            n_digits += 1
            if mantissa < 10**17:
                mantissa = mantissa * 10 + letter - 48
                power -= is_fraction
            else:
                power += not is_fraction
        elif letter == 46 and not is_fraction:
            is_fraction = True
        else:
            break
        i += 1
    if n_digits == 0:
        return SCORELESS, 0.0
    if i < last:
        if text[i] != 101 and text[i] != 69:
            return SCORELESS, 0.0
        i += 1
        if i < last and text[i] == 43:
            i += 1
        reason, exponent = _whole_number(text, i, last)
        if reason == NUMBER:
            return SCORELESS, 0.0
        power += exponent
    if mantissa == 0:
        return GOOD, 0.0
    if power > 300:
        return SCORELESS, 0.0
    return GOOD, sign * (mantissa / 10.0**-power if power < 0 else mantissa * 10.0**power)


@numba.njit(cache=True, nogil=True)
def _is_word(text, first, last, word):
    if last - first < len(word):
        return False
    for i in range(len(word)):  # noqa: SIM110 (compiled)
        if text[first + i] != word[i]:
            return False
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def parse_rows(text, line, roles, chroms, names, track, browser, joined, rows, bad):
    """Parse whole lines.

    Args:
        text: uint8 (n,), ending with a newline.
        line: the number of the first line.
        roles: int8 (n_columns,), see `PeakColumns.roles`.
        chroms, names: NameTables with room for all that the block may add.
        track, browser: uint8 words that start lines which are no rows.
        joined: uint8 (n,), room for a name that is made of several columns.
        rows, bad: ROW and BAD_ROW records to fill, room for every line.

    Returns:
        (rows filled, bad rows filled, lines read).
    """
    n_rows, n_bad, n_lines = 0, 0, 0
    n_names, is_offset = 0, False
    for role in roles:
        n_names += role == NAME
        is_offset = is_offset or role == SUMMIT_OFFSET
    seen, ends, slots = names.text, names.ends, names.slots  # calls that count references are slow
    mask = np.uint64(len(slots) - 1)
    first, n, n_columns = 0, len(text), len(roles)
    chrom, chrom_at, chrom_length = np.int64(0), 0, 0
    while first < n:
        letter = np.int64(text[first])
        is_row = letter != 35 and letter != _NEWLINE
        if letter == _RETURN and text[first + 1] == _NEWLINE:
            is_row = False
        if letter == track[0]:
            is_row = not _is_word(text, first, n, track)
        elif letter == browser[0]:
            is_row = not _is_word(text, first, n, browser)
        if not is_row:
            while text[first] != _NEWLINE:
                first += 1
            first += 1
            n_lines += 1
            continue
        at, column, reason = first, 0, GOOD
        start = end = summit = name = np.int64(0)
        has_summit = False
        score, n_joined = 0.0, 0
        while True:
            role, field, hashed = SKIP, at, SEED
            if column < n_columns and reason == GOOD:
                role = roles[column]
            letter = text[at]
            if role == NAME:
                while letter != _TAB and letter != _NEWLINE:
                    hashed = (hashed ^ np.uint64(letter)) * PRIME
                    at += 1
                    letter = text[at]
            else:
                while letter != _TAB and letter != _NEWLINE:
                    at += 1
                    letter = text[at]
            stop = at
            if letter == _NEWLINE and stop > field and text[stop - 1] == _RETURN:
                stop -= 1
            if role == SKIP:
                pass
            elif role == NAME:
                if n_names > 1:
                    if n_joined:
                        joined[n_joined - 1] = _TAB
                    for i in range(field, stop):
                        joined[n_joined + i - field] = text[i]
                    n_joined += stop - field + 1
                elif stop < at:
                    name = find_name(names, text, field, stop, hash_name(text, field, stop))
                else:
                    hashed ^= hashed >> np.uint64(29)
                    name = np.int64(slots[hashed & mask]) - 1
                    is_known = name >= 0 and ends[name + 1] - ends[name] == stop - field
                    i = 0
                    while is_known and i < stop - field:
                        is_known = seen[ends[name] + i] == text[field + i]
                        i += 1
                    if not is_known:
                        name = find_name(names, text, field, stop, hashed)
            elif role == SCORE:
                mantissa, scale, is_plain = np.int64(0), 0.0, 0 < stop - field < 16
                for i in range(field, stop if is_plain else field):
                    digit = np.int64(text[i]) - 48
                    if digit == -2 and scale == 0 and i > field:
                        scale = 1.0
                    else:
                        is_plain &= 0 <= digit <= 9
                        mantissa = mantissa * 10 + digit
                        scale *= 10
                if is_plain:
                    score = mantissa / max(scale, 1.0)
                else:
                    reason, score = _decimal(text, field, stop)
            elif role == CHROM:
                is_known = chrom_length == stop - field
                i = 0
                while is_known and i < chrom_length:
                    is_known = text[chrom_at + i] == text[field + i]
                    i += 1
                if stop == field:
                    reason = WIDTH
                elif not is_known:
                    chrom = find_name(chroms, text, field, stop, hash_name(text, field, stop))
                    chrom_at, chrom_length = field, stop - field
            else:
                value, is_plain = np.int64(0), 0 < stop - field < 10
                for i in range(field, stop if is_plain else field):
                    digit = np.int64(text[i]) - 48
                    is_plain &= 0 <= digit <= 9
                    value = value * 10 + digit
                if not is_plain:
                    reason, value = _whole_number(text, field, stop)
                if role == START:
                    start = value
                elif role == END:
                    end = value
                else:
                    summit, has_summit = value, True
                    if role == SUMMIT_OFFSET and value == -1 and reason == NEGATIVE:
                        reason, has_summit = GOOD, False
            column += 1
            at += 1
            if letter == _NEWLINE:
                break
        if column != n_columns:
            reason = WIDTH
        elif reason == GOOD:
            if is_offset:
                summit += start
            if start >= end:
                reason = ORDER
            elif has_summit and (summit < start or summit >= end):
                reason = OUTSIDE
        if reason == GOOD:
            if n_names != 1:
                stop = max(n_joined - 1, 0)
                name = find_name(names, joined, 0, stop, hash_name(joined, 0, stop))
            if not has_summit:
                summit = (start + end) // 2
            row = rows[n_rows]
            row["start"], row["end"], row["summit"] = start, end, summit
            row["score"], row["name"], row["chrom"] = score, name, chrom
            row["line"] = line + n_lines
            n_rows += 1
        else:
            row = bad[n_bad]
            row["reason"], row["line"] = reason, line + n_lines
            row["first"], row["last"] = first, at - 1
            n_bad += 1
        n_lines += 1
        first = at
    return n_rows, n_bad, n_lines
