"""Which bases of a chrom a model can score, and why the others stay unscored."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from basewise.errors import BasewiseError
from basewise.intervals import (
    as_intervals,
    complement,
    intersect,
    merge,
    runs_of,
    subtract,
)
from basewise.tiling.spec import TileSpec

N = ord("N")
FILLER = ord("A")
MAX_AMBIGUOUS_RUN_BP = 100


class Scorable(NamedTuple):
    """One chrom's plan; all arrays are int64 (n, 2), 0-based half-open, sorted.

    Attributes:
        regions: maximal intervals that tiles must cover; what is unscored of them gets no value.
        stretches: for each region, the readable interval that windows may use.
        unscored: intervals without values, and for each its reason.
    """

    regions: np.ndarray
    stretches: np.ndarray
    unscored: np.ndarray
    reasons: list[str]

    @property
    def scored(self) -> np.ndarray:
        """The bases that get values: int64 (n, 2)."""
        return subtract(self.regions, self.unscored)


def find_scorable(
    bases: np.ndarray,
    spec: TileSpec,
    *,
    max_ambiguous_run_bp: int,
    exclude: np.ndarray | None = None,
    within: np.ndarray | None = None,
    is_exact: bool = False,
) -> Scorable:
    """Plan one chrom from its bases; see ``find_scorable_between``.

    Args:
        bases: uint8 (chrom length,), upper-case ASCII A, C, G, T, N.
    """
    return find_scorable_between(
        runs_of(bases == N),
        bases.size,
        spec,
        max_ambiguous_run_bp=max_ambiguous_run_bp,
        exclude=exclude,
        within=within,
        is_exact=is_exact,
    )


def find_scorable_between(
    runs: np.ndarray,
    size: int,
    spec: TileSpec,
    *,
    max_ambiguous_run_bp: int,
    exclude: np.ndarray | None = None,
    within: np.ndarray | None = None,
    is_exact: bool = False,
) -> Scorable:
    """Plan one chrom from its length and its runs of N alone.

    A k-mer model cannot read N: runs up to ``max_ambiguous_run_bp`` are read as filled and stay
    unscored with one k-mer on each side ("ambiguous"); longer runs split the chrom ("gap");
    stretches no bucket fits stay unscored ("short"). A one-hot model reads N as zeros: only long
    runs are unscored, and windows may read across them. Its tiles cover unscored bases shorter than
    a core together with those beside them: each region of its own costs a whole window.

    Args:
        runs: maximal intervals of N.
        size: bp of the chrom.
        exclude: intervals not to score ("blacklist"); windows still read them.
        within: intervals to score, widened to whole bins of the chrom's grid; None for the whole
            chrom. What is outside is not listed.
        is_exact: see ``TileSpec.bucket``.
    """
    is_gap = (runs[:, 1] - runs[:, 0]) > max_ambiguous_run_bp
    gaps, short_runs = runs[is_gap], runs[~is_gap]
    readable = complement(gaps, size)
    if spec.is_padded:
        stretches = as_intervals([(0, size)])
        too_short = as_intervals([])
    else:
        fits = np.array(
            [spec.bucket(end - start, is_exact=is_exact) is not None for start, end in readable],
            bool,
        )
        too_short, readable = readable[~fits], readable[fits]
        stretches = readable
    regions = readable
    unscored = [(gaps, "gap"), (too_short, "short")]
    if exclude is not None and len(exclude):
        unscored.append((intersect(regions, merge(exclude)), "blacklist"))
        regions = subtract(regions, exclude)
    if spec.resolution_bp > 1:
        regions, remainders = _trim_to_bins(regions, spec.resolution_bp)
        unscored.append((remainders, "bin remainder"))
    if not spec.is_padded:
        spoilt = short_runs + np.array([-spec.k, spec.k])
        unscored.append((intersect(regions, merge(spoilt)), "ambiguous"))
    asked = as_intervals([(0, size)])
    if within is not None:
        asked = merge(_widen_to_bins(within, spec.resolution_bp))
        regions = intersect(regions, asked)
    if spec.is_padded:
        regions = _join_near(regions, asked, spec.keep_bp(spec.context_bp, size))
    owner = np.searchsorted(stretches[:, 0], regions[:, 0], side="right") - 1
    rows = [(start, end, reason) for group, reason in unscored for start, end in group]
    rows.sort()
    return Scorable(
        regions,
        stretches[owner],
        as_intervals([row[:2] for row in rows]),
        [row[2] for row in rows],
    )


def check_regions(regions: Iterable[tuple[str, int, int]], chromsizes: Mapping[str, int]) -> None:
    """Compare regions (chrom, start, end) with the chroms they are to lie in.

    Raises:
        BasewiseError: an unknown chrom, or an interval that is empty or not inside its chrom.
    """
    for chrom, start, end in regions:
        if chrom not in chromsizes:
            raise BasewiseError(
                f"region {chrom}:{start}-{end}: the sequences have no {chrom}",
                hint=f"They have {', '.join(list(chromsizes)[:10])}.",
            )
        if not 0 <= start < end <= chromsizes[chrom]:
            raise BasewiseError(
                f"region {chrom}:{start}-{end} is not inside {chrom}",
                found=f"a length of {chromsizes[chrom]} bp",
            )


def count_cores(start: int, end: int, keep_bp: int) -> int:
    """Return how many cores of at most ``keep_bp`` cover an interval."""
    return -(-(end - start) // keep_bp)


def fill_ambiguous(bases: np.ndarray) -> np.ndarray:
    """Return uint8 bases with every N read as A, so that a k-mer model can read them."""
    return np.where(bases == N, np.uint8(FILLER), bases)


def _join_near(regions: np.ndarray, asked: np.ndarray, keep_bp: int) -> np.ndarray:
    """Join regions of one asked interval that lie less than ``keep_bp``, a tile's most, apart.

    Unless that takes more tiles.
    """
    joined: list[tuple[int, int]] = []
    last_owner = 0
    owners = np.searchsorted(asked[:, 0], regions[:, 0], side="right").tolist()
    for (start, end), owner in zip(regions.tolist(), owners, strict=True):
        if owner == last_owner and start - joined[-1][1] < keep_bp:
            first = joined[-1][0]
            apart = count_cores(*joined[-1], keep_bp) + count_cores(start, end, keep_bp)
            if count_cores(first, end, keep_bp) <= apart:
                joined[-1] = (first, end)
                continue
        joined.append((start, end))
        last_owner = owner
    return as_intervals(joined)


def _widen_to_bins(intervals: np.ndarray, resolution_bp: int) -> np.ndarray:
    """Let intervals end on the chrom's own grid, with all bins that they touch."""
    starts = intervals[:, 0] // resolution_bp * resolution_bp
    return np.stack([starts, -(-intervals[:, 1] // resolution_bp) * resolution_bp], axis=1)


def _trim_to_bins(regions: np.ndarray, resolution_bp: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut regions to whole bins on the chrom's own grid; return them and what was cut off."""
    starts = -(-regions[:, 0] // resolution_bp) * resolution_bp
    ends = np.maximum(regions[:, 1] // resolution_bp * resolution_bp, starts)
    trimmed = np.stack([starts, ends], axis=1)
    trimmed = trimmed[ends > starts]
    return trimmed, subtract(regions, trimmed)
