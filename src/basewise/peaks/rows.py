"""Rows of a peak file, parsed a block of bytes at a time in compiled code.

A name, of a chrom or a peak, is numbered when it is first seen; rows carry the number.
"""

from typing import NamedTuple

import numba
import numpy as np

from basewise.peaks.columns import CHROM, END, NAME, SCORE, START, SUMMIT, SUMMIT_OFFSET

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


class NameTable(NamedTuple):
    """Distinct names by number: name i is text[ends[i]:ends[i + 1]]; slots hash to i + 1."""

    text: np.ndarray
    ends: np.ndarray
    slots: np.ndarray
    count: np.ndarray


def make_names() -> NameTable:
    """A table without a name."""
    zeros = np.zeros
    return NameTable(zeros(0, np.uint8), zeros(1, np.int64), zeros(2, np.int32), zeros(1, np.int64))


def make_room(names: NameTable, n_names: int, n_bytes: int) -> NameTable:
    """A table that holds the same, and has room for so many more."""
    count = int(names.count[0])
    used = int(names.ends[count])
    text, ends, slots = names.text, names.ends, names.slots
    if len(text) < used + n_bytes:
        text = np.concatenate((text[:used], np.zeros(used + n_bytes, np.uint8)))
    if len(ends) <= count + n_names:
        ends = np.concatenate((ends[: count + 1], np.zeros(count + n_names, np.int64)))
    if len(slots) < 2 * (count + n_names):
        slots = np.zeros(1 << (4 * (count + n_names)).bit_length(), np.int32)
        _fill_slots(text, ends, slots, count)
    return NameTable(text, ends, slots, names.count)


def read_names(names: NameTable, first: int = 0) -> list[str]:
    """The names from a number on, as text."""
    text, ends = names.text, names.ends
    return [
        text[ends[i] : ends[i + 1]].tobytes().decode("utf-8", errors="replace")
        for i in range(first, int(names.count[0]))
    ]


@numba.njit(cache=True, nogil=True)
def _hash(text, first, last):
    value = np.uint64(14695981039346656037)
    for i in range(first, last):
        value = (value ^ np.uint64(text[i])) * np.uint64(1099511628211)
    return value ^ (value >> np.uint64(29))


@numba.njit(cache=True, nogil=True)
def _fill_slots(text, ends, slots, count):
    mask = np.uint64(len(slots) - 1)
    for i in range(count):
        at = _hash(text, ends[i], ends[i + 1]) & mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = i + 1


@numba.njit(cache=True, nogil=True)
def _is_name(names, i, text, first, last):
    begin = names.ends[i]
    if names.ends[i + 1] - begin != last - first:
        return False
    for j in range(last - first):  # noqa: SIM110 (compiled)
        if names.text[begin + j] != text[first + j]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _number_of(names, text, first, last):
    """The number of a name, which is added if it is new; there must be room."""
    mask = np.uint64(len(names.slots) - 1)
    at = _hash(text, first, last) & mask
    while names.slots[at]:
        i = names.slots[at] - 1
        if _is_name(names, i, text, first, last):
            return i
        at = (at + np.uint64(1)) & mask
    i = names.count[0]
    begin = names.ends[i]
    for j in range(last - first):
        names.text[begin + j] = text[first + j]
    names.ends[i + 1] = begin + last - first
    names.slots[at] = i + 1
    names.count[0] = i + 1
    return i


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


@numba.njit(cache=True, nogil=True)
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
    n_names = 0
    for role in roles:
        n_names += role == NAME
    first, n = 0, len(text)
    last_chrom = -1
    while first < n:
        at, column, field = first, 0, first
        reason = GOOD
        start = end = summit = chrom = name = np.int64(0)
        has_summit = False
        score, n_joined = 0.0, 0
        letter = text[first]
        is_row = letter != 35 and letter != _NEWLINE
        if letter == _RETURN and text[first + 1] == _NEWLINE:
            is_row = False
        if _is_word(text, first, n, track) or _is_word(text, first, n, browser):
            is_row = False
        if not is_row:
            while text[at] != _NEWLINE:
                at += 1
            first = at + 1
            n_lines += 1
            continue
        while True:
            letter = text[at]
            if letter != _TAB and letter != _NEWLINE:
                at += 1
                continue
            stop = at
            if letter == _NEWLINE and stop > field and text[stop - 1] == _RETURN:
                stop -= 1
            role = roles[column] if column < len(roles) else 0
            if reason != GOOD or role == 0:
                pass
            elif role == START:
                reason, start = _whole_number(text, field, stop)
            elif role == END:
                reason, end = _whole_number(text, field, stop)
            elif role in (SUMMIT, SUMMIT_OFFSET):
                reason, summit = _whole_number(text, field, stop)
                has_summit = True
                if role == SUMMIT_OFFSET:
                    if reason == NEGATIVE and summit == -1:
                        reason, has_summit = GOOD, False
                    summit += start
            elif role == SCORE:
                reason, score = _decimal(text, field, stop)
            elif role == CHROM:
                if stop == field:
                    reason = WIDTH
                elif last_chrom >= 0 and _is_name(chroms, last_chrom, text, field, stop):
                    chrom = last_chrom
                else:
                    chrom = _number_of(chroms, text, field, stop)
                    last_chrom = chrom
            elif n_names == 1:
                name = _number_of(names, text, field, stop)
            else:
                if n_joined:
                    joined[n_joined - 1] = _TAB
                for i in range(field, stop):
                    joined[n_joined + i - field] = text[i]
                n_joined += stop - field + 1
            column += 1
            field = at + 1
            at += 1
            if letter == _NEWLINE:
                break
        if column != len(roles):
            reason = WIDTH
        elif reason == GOOD:
            if start >= end:
                reason = ORDER
            elif has_summit and (summit < start or summit >= end):
                reason = OUTSIDE
        if reason == GOOD:
            if n_names != 1:
                name = _number_of(names, joined, 0, max(n_joined - 1, 0))
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
