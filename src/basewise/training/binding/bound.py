"""Where pairs are bound, from the windows of their peaks: labels of any window for any pair.

A window is bound where the middle of a peak's window is near its own. It is not where none is near
and no peak reaches into it, be it of the target or of one of its modified forms (ESR1 binds where
ESR1_S118ph does), and be it one that filters dropped, as scoped negatives have it. Anywhere else it
is not known.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.peaks.categories import read_codes
from basewise.peaks.names import unmodified
from basewise.training.binding.pairs import PairTable
from basewise.training.binding.row_pairs import number_rows

_SPAN = 1 << 32  # more than any chrom is long; times as many groups as int32 counts is an int64


@dataclass(frozen=True)
class Stretches:
    """Stretches of places, by group: sorted and disjoint.

    Attributes:
        groups: int64 (g,), those that hold a stretch, ascending.
        firsts, ends: int64 (n,), the place of a group's i-th stretch plus i spans.
    """

    groups: np.ndarray
    firsts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, firsts: np.ndarray, ends: np.ndarray) -> "Stretches":
        """Those of rows int64 (n,), in any order, that may overlap; what is below 0 is cut off."""
        distinct, ranks = np.unique(groups, return_inverse=True)
        spans = np.clip(np.column_stack((firsts, ends)), 0, _SPAN - 1)
        return cls(distinct, *merge(spans + (ranks * _SPAN)[:, None]).T.copy())

    @classmethod
    def join(cls, parts: Sequence["Stretches"]) -> "Stretches":
        """Those of parts, the groups of each above those of the part before."""
        if not parts:
            return cls(*(np.empty(0, np.int64) for _ in range(3)))
        before = np.cumsum([0, *(len(part.groups) for part in parts[:-1])]) * _SPAN
        return cls(
            np.concatenate([part.groups for part in parts]),
            np.concatenate([part.firsts + n for part, n in zip(parts, before, strict=True)]),
            np.concatenate([part.ends + n for part, n in zip(parts, before, strict=True)]),
        )

    def hold(self, groups: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return which places of groups, int64 of one shape, lie in a stretch."""
        if not len(self.firsts):
            return np.zeros(np.broadcast(groups, places).shape, bool)
        ranks = np.minimum(np.searchsorted(self.groups, groups), len(self.groups) - 1)
        keys = ranks * _SPAN + places
        last = np.searchsorted(self.firsts, keys, side="right") - 1
        is_inside = (last >= 0) & (keys < self.ends[last])
        return is_inside & (self.groups[ranks] == groups)


@dataclass(frozen=True)
class BoundPlaces:
    """Where the middle of a window is, if it is bound, or if that is not known.

    Attributes:
        chroms: chrom -> its number.
        forms: int64 (pairs,), the same number for the forms of a target in a biotype.
        bound: by chrom and pair, where a window is bound.
        unclear: by chrom and forms, where it is not clearly unbound.
    """

    chroms: dict[str, int]
    forms: np.ndarray
    bound: Stretches
    unclear: Stretches

    @classmethod
    def of(
        cls,
        windows: pd.DataFrame,
        pairs: PairTable,
        within_bp: int,
        beyond_bp: int,
        dropped: pd.DataFrame | None = None,
    ) -> "BoundPlaces":
        """The places of the windows with label 1, which have the width of all that is asked.

        Args:
            windows: columns chrom, start, end, label, target, biotype, peak_start, peak_end.
            within_bp: a window is bound where a peak's window is at most so far, middle to middle.
            beyond_bp: it is not known where one is not further than this.
            dropped: peaks that are no positives, by target without its modification; columns
                chrom, start, end, target, biotype.

        Raises:
            BasewiseError: distances that leave no order.
        """
        if not 0 <= within_bp <= beyond_bp:
            raise BasewiseError(
                "bound_within_bp is at most unbound_beyond_bp", found=f"{within_bp}, {beyond_bp}"
            )
        codes, names = read_codes(windows["chrom"])
        chroms = {name: number for number, name in enumerate(names)}
        forms = _number_forms(pairs)
        numbers = number_rows(windows[["target", "biotype"]], pairs)
        rows_of = _split_rows(windows["label"].to_numpy() == 1, codes, len(chroms))
        places = [windows[name].to_numpy() for name in ("start", "end", "peak_start", "peak_end")]
        lost = _find_lost(dropped, chroms, pairs, forms)
        width = int(windows["end"].iloc[0]) - int(windows["start"].iloc[0])
        left, right = width // 2, width - width // 2
        bound, unclear = [], []
        for chrom, rows in enumerate(rows_of):
            start, end, peak_start, peak_end = (column[rows].astype(np.int64) for column in places)
            middle, before = (start + end) // 2, chrom * len(pairs)
            own = before + numbers[rows].astype(np.int64)
            bound.append(Stretches.of(own, middle - within_bp, middle + within_bp + 1))
            form, lost_start, lost_end = lost[chrom]
            # middles of windows that share a base with a peak, or lie near a peak's window
            firsts = np.minimum(peak_start - right + 1, middle - beyond_bp)
            ends = np.maximum(peak_end + left, middle + beyond_bp + 1)
            firsts = np.append(firsts, lost_start - right + 1)
            ends = np.append(ends, lost_end + left)
            own = before + np.append(forms[numbers[rows]], form)
            unclear.append(Stretches.of(own, firsts, ends))
        return cls(chroms, forms, Stretches.join(bound), Stretches.join(unclear))

    @property
    def fingerprint(self) -> str:
        """Of all places."""
        digest = hashlib.sha256(repr((list(self.chroms), self.forms.tolist())).encode())
        for stretches in (self.bound, self.unclear):
            for array in (stretches.groups, stretches.firsts, stretches.ends):
                digest.update(np.ascontiguousarray(array, "<i8").data)
        return digest.hexdigest()[:16]

    def label(
        self, chroms: Sequence[str], centres: np.ndarray, pairs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels of windows for pairs, and which of them are known.

        Args:
            chroms, centres: of B windows. pairs: int (T,), by number.

        Returns:
            float32 (T, B), 1 where bound; float32 (T, B), 0 where neither bound nor clearly not.
        """
        own = np.array([self.chroms[str(chrom)] for chrom in chroms], np.int64) * len(self.forms)
        is_bound = self.bound.hold(own + pairs[:, None], centres)
        is_unclear = self.unclear.hold(own + self.forms[pairs][:, None], centres)
        return is_bound.astype(np.float32), (is_bound | ~is_unclear).astype(np.float32)


def _number_forms(pairs: PairTable) -> np.ndarray:
    """The same number for the pairs of one biotype whose targets differ in modification alone."""
    numbers: dict[tuple[str, str], int] = {}
    keys = ((unmodified(pair.target), pair.biotype) for pair in pairs.pairs)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def _find_lost(
    dropped: pd.DataFrame | None, chroms: dict[str, int], pairs: PairTable, forms: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each chrom, the forms, starts and ends of dropped peaks of the pairs, int64 (n,) each."""
    if dropped is None:
        return [(np.empty(0, np.int64),) * 3] * len(chroms)
    number = {
        (unmodified(pair.target), pair.biotype): int(form)
        for pair, form in zip(pairs.pairs, forms, strict=True)
    }
    (chrom, names), (target, targets), (biotype, biotypes) = (
        read_codes(dropped[column]) for column in ("chrom", "target", "biotype")
    )
    form_of = np.array([[number.get((t, b), -1) for b in biotypes] for t in targets], np.int32)
    form = form_of.reshape(-1)[target.astype(np.int64) * len(biotypes) + biotype]
    chrom = np.array([chroms.get(name, -1) for name in names], np.int32)[chrom]
    columns = [form, *(dropped[name].to_numpy() for name in ("start", "end"))]
    rows_of = _split_rows((form >= 0) & (chrom >= 0), chrom, len(chroms))
    return [tuple(column[rows].astype(np.int64) for column in columns) for rows in rows_of]


def _split_rows(is_chosen: np.ndarray, codes: np.ndarray, number: int) -> list[np.ndarray]:
    """The chosen rows with each code from 0 on, below a number."""
    rows = np.flatnonzero(is_chosen)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    return np.split(rows, np.searchsorted(codes[rows], np.arange(1, number)))
