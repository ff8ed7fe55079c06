"""Names numbered when they are first seen, for compiled code: text, and a table of its hashes."""

from typing import NamedTuple

import numba
import numpy as np

SEED, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)  # FNV-1a


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
def hash_name(text, first, last):
    value = SEED
    for i in range(first, last):
        value = (value ^ np.uint64(text[i])) * PRIME
    return value ^ (value >> np.uint64(29))


@numba.njit(cache=True, nogil=True)
def _fill_slots(text, ends, slots, count):
    mask = np.uint64(len(slots) - 1)
    for i in range(count):
        at = hash_name(text, ends[i], ends[i + 1]) & mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = i + 1


@numba.njit(cache=True, nogil=True)
def find_name(table, text, first, last, hashed):
    """The number of a name, which is added if it is new; there must be room."""
    mask = np.uint64(len(table.slots) - 1)
    at = hashed & mask
    while table.slots[at]:
        i = table.slots[at] - 1
        begin, length = table.ends[i], table.ends[i + 1] - table.ends[i]
        is_same = length == last - first
        j = 0
        while is_same and j < length:
            is_same = table.text[begin + j] == text[first + j]
            j += 1
        if is_same:
            return i
        at = (at + np.uint64(1)) & mask
    i = table.count[0]
    begin = table.ends[i]
    for j in range(last - first):
        table.text[begin + j] = text[first + j]
    table.ends[i + 1] = begin + last - first
    table.slots[at] = i + 1
    table.count[0] = i + 1
    return i
