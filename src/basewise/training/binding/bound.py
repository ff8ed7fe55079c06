"""Where pairs are bound, from the windows of their peaks: labels of any window for any pair.

A window is bound where the middle of a peak's window is near its own. It is not where none is near
and no peak reaches into it, be it of the target or of one of its modified forms (ESR1 binds where
ESR1_S118ph does), as scoped negatives have it. Anywhere else it is not known.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.intervals import merge
from basewise.peaks.categories import read_codes
from basewise.peaks.negatives.scoped import unmodified
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
        cls, windows: pd.DataFrame, pairs: PairTable, within_bp: int, beyond_bp: int
    ) -> "BoundPlaces":
        """The places of the windows with label 1, which have the width of all that is asked.

        Args:
            windows: columns chrom, start, end, label, target, biotype, peak_start, peak_end.
            within_bp: a window is bound where a peak's window is at most so far, middle to middle.
            beyond_bp: it is not known where one is not further than this.

        Raises:
            BasewiseError: distances that leave no order.
        """
        if not 0 <= within_bp <= beyond_bp:
            raise BasewiseError(
                "bound_within_bp is at most unbound_beyond_bp", found=f"{within_bp}, {beyond_bp}"
            )
        codes, names = read_codes(windows["chrom"])
        rows = np.flatnonzero(windows["label"].to_numpy() == 1)
        rows = rows[np.argsort(codes[rows], kind="stable")]
        edges = np.searchsorted(codes[rows], np.arange(len(names) + 1))
        numbers = number_rows(windows[["target", "biotype"]], pairs)
        forms = _number_forms(pairs)
        columns = [windows[name].to_numpy() for name in ("start", "end", "peak_start", "peak_end")]
        bound, unclear = [], []
        for chrom in np.flatnonzero(np.diff(edges)):
            own = rows[edges[chrom] : edges[chrom + 1]]
            start, end, peak_start, peak_end = (column[own].astype(np.int64) for column in columns)
            middle, left, right = (start + end) // 2, (end - start) // 2, (end - start + 1) // 2
            group = chrom * len(pairs) + numbers[own].astype(np.int64)
            bound.append(Stretches.of(group, middle - within_bp, middle + within_bp + 1))
            # middles of the windows that share a base with the peak, or lie near its window
            firsts = np.minimum(peak_start - right + 1, middle - beyond_bp)
            ends = np.maximum(peak_end + left, middle + beyond_bp + 1)
            group = chrom * len(pairs) + forms[numbers[own]]
            unclear.append(Stretches.of(group, firsts, ends))
        chroms = {name: number for number, name in enumerate(names)}
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
