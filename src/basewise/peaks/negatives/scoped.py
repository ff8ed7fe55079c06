"""The peaks of every scope on one line, read once; where a target binds; windows around its peaks.

Where a target binds is what any experiment saw of it, in any of its modified forms (ESR1 binds
where ESR1_S118ph does), also where filters dropped the peak. Biotypes are taken as written:
MCF-7_E2 is not MCF-7.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
import pandas as pd

from basewise.peaks.categories import read_codes
from basewise.peaks.names import unmodified
from basewise.peaks.negatives.line import Line
from basewise.peaks.negatives.source import NAMES, PLACES, Peaks
from basewise.peaks.placing import check_widths, place_windows

Group = tuple[str, str, range]  # target, biotype, and the numbers of their scopes


def scopes_of(peaks: Peaks) -> pd.DataFrame:
    """experiment, target, biotype and n_peaks, a row each, by target, biotype, experiment."""
    scopes = peaks.scopes().astype(dict.fromkeys(NAMES, str))
    scopes = scopes.groupby(list(NAMES), sort=False)["n_peaks"].sum().reset_index()
    return scopes.sort_values(["target", "biotype", "experiment"], ignore_index=True)


class ScopedPeaks:
    """Every peak on the chroms of a line, scope after scope: 8 bytes each, 12 with windows.

    Those that filters dropped take 8 bytes each, too.

    Args:
        peaks: All peaks; those on chroms that the line lacks are left out.
        line: The chroms.
        width_bp: Width of the windows around peaks, where they are wanted.
        centre: See `place_windows`.

    Attributes:
        names: experiment, target, biotype of each scope, by target, biotype, experiment.
        n_peaks: Peaks of each scope, those on other chroms included.

    Raises:
        BasewiseError: A chrom with peaks is shorter than a window.
    """

    def __init__(
        self, peaks: Peaks, line: Line, *, width_bp: int | None = None, centre: str = "summit"
    ):
        scopes = scopes_of(peaks)
        self.names: list[tuple[str, str, str]] = list(
            zip(*(scopes[name].tolist() for name in NAMES), strict=True)
        )
        self.n_peaks: list[int] = scopes["n_peaks"].tolist()
        if width_bp is not None:
            sizes = dict(zip(line.chroms, line.chrom_bp.tolist(), strict=True))
            check_widths([chrom for chrom in peaks.chroms if chrom in sizes], sizes, width_bp)
        names = ("starts", "ends") if width_bp is None else ("starts", "ends", "windows")
        self._columns = {name: np.empty(sum(self.n_peaks), line.dtype) for name in names}
        self._edges = self._fill(peaks, line, width_bp, centre)
        self._numbers: dict[tuple[str | None, str | None], list[int]] = {}
        self._forms: dict[tuple[str, str | None], list[int]] = {}
        for number, (_, target, biotype) in enumerate(self.names):
            for key in ((target, None), (None, biotype)):
                self._numbers.setdefault(key, []).append(number)
            for key in ((unmodified(target), biotype), (unmodified(target), None)):
                self._forms.setdefault(key, []).append(number)
        self._dropped, self._dropped_rows = _read_dropped(peaks, line)

    def _fill(self, peaks: Peaks, line: Line, width_bp: int | None, centre: str) -> list[int]:
        """Read the columns; returns the first row of each scope and, last, their number."""
        edges = np.append(0, np.cumsum(self.n_peaks, dtype=np.int64))
        counts = np.zeros(len(self.names), dtype=np.int64)
        codes = {chrom: code for code, chrom in enumerate(line.chroms)}
        to_line = np.array([codes.get(chrom, -1) for chrom in peaks.chromsizes], dtype=np.int64)
        names = PLACES[1:3] if width_bp is None else PLACES[1:]
        n_read = n_kept = 0
        for part in peaks.read_by_scope(names):
            chrom = to_line[part["chrom"]]
            kept = np.flatnonzero(chrom >= 0)
            scope = np.searchsorted(edges, kept + n_read, side="right") - 1
            counts += np.bincount(scope, minlength=len(counts))
            chrom, values = chrom[kept], [part[name][kept] for name in names]
            if width_bp is not None:
                sizes = {"size_bp": line.chrom_bp[chrom], "width_bp": width_bp}
                values[2] = place_windows(*values, **sizes, centre=centre)
            for column, value in zip(self._columns.values(), values, strict=True):
                column[n_kept : n_kept + len(kept)] = value + line.offsets[chrom]
            n_read += len(part["chrom"])
            n_kept += len(kept)
        return np.append(0, np.cumsum(counts)).tolist()

    def groups(self) -> Iterator[Group]:
        """Each target in each of its biotypes, in order."""
        numbers = range(len(self.names))
        for (target, biotype), group in groupby(numbers, lambda number: self.names[number][1:]):
            members = list(group)
            yield target, biotype, range(members[0], members[-1] + 1)

    def bound(self, target: str, biotype: str | None) -> np.ndarray:
        """Where a target binds in a biotype, or in any: intervals (n, 2) of the line, unmerged."""
        key = unmodified(target), biotype
        dropped = [self._dropped[rows] for rows in self._dropped_rows.get(key, ())]
        kept = np.column_stack(
            [self._gather(name, self._forms[key]) for name in ("starts", "ends")]
        )
        return np.concatenate([kept, *dropped]).astype(np.int64)

    def windows(self, *, target: str | None = None, biotype: str | None = None) -> np.ndarray:
        """Where windows around the peaks of a target, a biotype or all start, in any order."""
        if target is None and biotype is None:
            return self._columns["windows"][: self._edges[-1]]
        return self._gather("windows", self._numbers[target, biotype])

    def _gather(self, column: str, numbers: Sequence[int]) -> np.ndarray:
        values, edges = self._columns[column], self._edges
        return np.concatenate([values[edges[i] : edges[i + 1]] for i in numbers])


def _read_dropped(
    peaks: Peaks, line: Line
) -> tuple[np.ndarray, dict[tuple[str, str | None], list[slice]]]:
    """Dropped peaks as intervals (n, 2) of the line, and which are of a target in a biotype."""
    dropped = peaks.dropped()
    (chrom, chroms), (target, targets), (biotype, biotypes) = (
        read_codes(dropped[name]) for name in ("chrom", "target", "biotype")
    )
    chrom = pd.Index(line.chroms).get_indexer(chroms)[chrom]
    form = target.astype(np.int64) * len(biotypes) + biotype
    order = np.argsort(form, kind="stable")
    order = order[chrom[order] >= 0]
    spans = np.empty((len(order), 2), line.dtype)
    for column, name in enumerate(("start", "end")):
        spans[:, column] = dropped[name].to_numpy()[order] + line.offsets[chrom[order]]
    form = form[order]
    firsts = np.flatnonzero(np.append(True, form[1:] != form[:-1])[: len(form)])
    rows: dict[tuple[str, str | None], list[slice]] = {}
    for first, last in pairwise([*firsts, len(form)]):
        number, other = divmod(int(form[first]), len(biotypes))
        for key in ((targets[number], biotypes[other]), (targets[number], None)):
            rows.setdefault(key, []).append(slice(first, last))
    return spans, rows


def find_barred(bound: np.ndarray, line: Line, width_bp: int, margin_bp: int = 0) -> np.ndarray:
    """The starts of windows that touch an interval, or lie closer to it than the margin.

    Args:
        bound: Intervals of the line, int64 (n, 2), in any order.
        line: Its gaps are as wide as the margin.
        width_bp: Width of the windows.
        margin_bp: How far windows stay away.

    Returns:
        Sorted, disjoint intervals of the line, int64 (m, 2).
    """
    bound = bound[np.argsort(bound[:, 0], kind="stable")]
    firsts = np.maximum(bound[:, 0] - (width_bp - 1 + margin_bp), 0)
    ends = np.maximum.accumulate(np.minimum(bound[:, 1] + margin_bp, line.end))
    opens = np.flatnonzero(np.append(True, firsts[1:] > ends[:-1])[: len(bound)])
    return np.column_stack(
        (firsts[opens], ends[np.append(opens[1:], len(bound))[: len(opens)] - 1])
    )
