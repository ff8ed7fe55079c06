"""Which peaks are kept: by name, by place, by score; duplicates and replicates of one peak."""

import fnmatch
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.intervals import merge
from basewise.peaks.names import Scope

MODIFICATIONS = ("keep", "drop", "merge")
REPLICATES = ("keep", "merge")
PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class PeakFilters:
    """What is kept. Names may be patterns (`ESR1*`, `?`, `[ab]`); case counts.

    Attributes:
        chroms, experiments, targets, biotypes: names kept; none means all.
        exclude_chroms, exclude_experiments, exclude_targets, exclude_biotypes: names left out.
        modifications: of targets and biotypes, what follows an underscore: "keep" it as a part
            of the name, "drop" peaks that have one, or "merge" them with the unmodified.
        min_score, max_score: bounds of the score, included; None for no bound.
        duplicates: whether of peaks equal in chrom, start, end, experiment, target and biotype
            only the one of the highest score is kept.
        replicates: "keep" peaks of several experiments of one target and biotype apart, or
            "merge" those that overlap or touch into one, from the first start to the last end,
            with summit and score of the highest; its experiment is the names of all, by commas.
        min_experiments: of merged peaks, those with fewer distinct experiments are left out.
        min_peaks: targets in a biotype with fewer peaks, after all other steps, are left out.
    """

    chroms: Sequence[str] = ()
    exclude_chroms: Sequence[str] = ()
    experiments: Sequence[str] = ()
    exclude_experiments: Sequence[str] = ()
    targets: Sequence[str] = ()
    exclude_targets: Sequence[str] = ()
    biotypes: Sequence[str] = ()
    exclude_biotypes: Sequence[str] = ()
    modifications: str = "keep"
    min_score: float | None = None
    max_score: float | None = None
    duplicates: bool = True
    replicates: str = "keep"
    min_experiments: int = 1
    min_peaks: int = 1

    def __post_init__(self):
        for name, legal in (("modifications", MODIFICATIONS), ("replicates", REPLICATES)):
            if getattr(self, name) not in legal:
                raise BasewiseError(
                    f"a filter's {name} is not understood",
                    found=repr(getattr(self, name)),
                    hint=nearest(getattr(self, name), legal),
                )
        for name in ("min_experiments", "min_peaks"):
            if getattr(self, name) < 1:
                raise BasewiseError(f"a filter's {name} is below 1", found=getattr(self, name))
        if self.min_experiments > 1 and self.replicates != "merge":
            raise BasewiseError(
                "min_experiments counts the experiments of merged peaks",
                found=f"min_experiments {self.min_experiments}, replicates {self.replicates!r}",
                hint="Set replicates to 'merge'",
            )
        bounds = (self.min_score, self.max_score)
        if None not in bounds and bounds[0] > bounds[1]:
            raise BasewiseError(
                "no score lies within a filter's bounds", found=f"{bounds[0]} to {bounds[1]}"
            )

    def scoring(self, scores: np.ndarray) -> np.ndarray:
        """Which scores (n,) are kept: bool (n,)."""
        kept = np.ones(len(scores), dtype=bool)
        if self.min_score is not None:
            kept &= scores >= np.float32(self.min_score)
        if self.max_score is not None:
            kept &= scores <= np.float32(self.max_score)
        return kept


def select_names(
    names: Collection[str], include: Iterable[str], exclude: Iterable[str], what: str
) -> set[str]:
    """The names kept: those of `include` (of all, if it is empty) without those of `exclude`.

    Raises:
        BasewiseError: a name of `include` or `exclude` without a pattern is none of the names.
    """
    include, exclude = list(include), list(exclude)
    known = set(names)
    for asked in (*include, *exclude):
        if not PATTERN.search(asked) and asked not in known:
            raise BasewiseError(
                f"a filter names a {what} that is not there",
                found=repr(asked),
                hint=nearest(asked, sorted(known)),
            )
    kept = _matching(known, include) if include else known
    return kept - _matching(known, exclude)


def _matching(names: set[str], patterns: list[str]) -> set[str]:
    exact = {pattern for pattern in patterns if not PATTERN.search(pattern)}
    kept = names & exact
    for pattern in (pattern for pattern in patterns if PATTERN.search(pattern)):
        is_match = re.compile(fnmatch.translate(pattern)).match
        kept |= {name for name in names if is_match(name)}
    return kept


def overlaps(starts: np.ndarray, ends: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Which stretches share a base with an interval, all on one chrom; touching is no overlap.

    starts, ends in bp (n,), intervals (m, 2) → bool (n,).
    """
    merged = merge(intervals)
    if not len(merged):
        return np.zeros(len(starts), dtype=bool)
    first = np.searchsorted(merged[:, 1].astype(starts.dtype), starts, side="right")
    begins = np.append(merged[:, 0], np.iinfo(np.int32).max).astype(ends.dtype)
    return (begins[first] < ends) & (starts < ends)


def drop_duplicates(records: np.ndarray) -> np.ndarray:
    """Of sorted records (see `order_of`), the first of each start, end and scope."""
    if not len(records):
        return records
    is_same = np.ones(len(records) - 1, dtype=bool)
    for name in ("start", "end", "scope"):
        is_same &= records[name][1:] == records[name][:-1]
    return records[np.append(True, ~is_same)]


def merge_replicates(
    records: np.ndarray, groups: np.ndarray, min_experiments: int
) -> tuple[np.ndarray, int, np.ndarray]:
    """Join records of one chrom that overlap or touch and whose scopes share a group.

    Args:
        records: RECORD (n,), in any order; a scope is one experiment in one group.
        groups: int (n_scopes,), the group of each scope.
        min_experiments: joined peaks of fewer distinct scopes are left out.

    Returns:
        RECORD (m,) whose scope is the group; how many were joined away; those left out.
    """
    if not len(records):
        return records, 0, records
    group = groups[records["scope"]].astype(np.int64)
    stride = int(records["end"].max()) + 2  # groups lie apart on one line
    packed = np.column_stack((records["start"], records["end"])) + (group * stride)[:, None]
    joined = merge(packed)
    cluster = np.searchsorted(joined[:, 0], packed[:, 0], side="right") - 1
    best = np.lexsort((records["summit"], -records["score"], cluster))
    firsts = best[np.flatnonzero(np.append(True, np.diff(cluster[best]) != 0))]
    pairs = np.unique(cluster * (len(groups) + 1) + records["scope"])
    n_scopes = np.bincount(pairs // (len(groups) + 1), minlength=len(joined))
    merged = records[firsts]
    merged["scope"] = group[firsts]
    merged["start"] = joined[:, 0] - merged["scope"].astype(np.int64) * stride
    merged["end"] = joined[:, 1] - merged["scope"].astype(np.int64) * stride
    kept = n_scopes >= min_experiments
    return merged[kept], len(records) - len(merged), merged[~kept]


def group_scopes(scopes: Sequence[Scope], kept: np.ndarray) -> tuple[list[Scope], np.ndarray]:
    """Scopes of one target and biotype as one, its experiment the names of those kept, by commas.

    Returns:
        The groups, and the group of each scope: int64 (n,).
    """
    experiments: dict[tuple[str, ...], set[str]] = {}
    for scope, is_kept in zip(scopes, kept, strict=True):
        experiments.setdefault(scope[1:], set()).update([scope.experiment] if is_kept else ())
    numbers = {key: i for i, key in enumerate(experiments)}
    groups = [Scope(",".join(sorted(names)), *key) for key, names in experiments.items()]
    return groups, np.array([numbers[scope[1:]] for scope in scopes], dtype=np.int64)
