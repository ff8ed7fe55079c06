"""The steps of the funnel that rows of one chrom pass, once it is known what their names mean."""

import logging
from collections.abc import Callable, Iterable

import numpy as np

from basewise.peaks.filters import (
    PeakFilters,
    drop_duplicates,
    group_scopes,
    merge_replicates,
    overlaps,
    select_names,
)
from basewise.peaks.funnel import Funnel
from basewise.peaks.names import Scope
from basewise.peaks.proteins import Proteins
from basewise.peaks.store_writer import order_of

logger = logging.getLogger(__name__)

STEPS = {
    "malformed": "broken rows",
    "chrom_names": "peaks on chroms that the assembly lacks",
    "chrom_ends": "peaks that reach past the end of their chrom",
    "chroms": "peaks on chroms that are not asked for",
    "names": "nothing, but adds a peak for each further scope of a row's name",
    "modifications": "peaks of targets or biotypes with a modification",
    "experiments": "peaks of experiments that are not asked for",
    "targets": "peaks of targets that are not asked for",
    "biotypes": "peaks of biotypes that are not asked for",
    "proteins": "peaks of targets without a known protein",
    "score": "peaks with a score out of bounds",
    "blacklist": "peaks that overlap the blacklist",
    "duplicates": "all but one of equal peaks",
    "replicates": "peaks joined with those of other experiments",
    "min_experiments": "joined peaks of too few experiments",
    "min_peaks": "peaks of targets that have too few in their biotype",
}
KEPT = len(STEPS)


class NameFates:
    """What the names of a catalogue mean once filters have seen them.

    Attributes:
        scopes: the distinct scopes, then those of merged replicates, by number.
        fates: int8 (n_scopes,), the step that removes a scope, or KEPT.
        groups: int64 (n_scopes,), the number of the merged scope of each scope, where they merge.
    """

    def __init__(self, named: list[list[Scope]], filters: PeakFilters, proteins: Proteins | None):
        if filters.modifications == "merge":
            named = [[scope.unmodified for scope in scopes] for scopes in named]
        numbers: dict[Scope, int] = {}
        flat = [numbers.setdefault(s, len(numbers)) for scopes in named for s in scopes]
        self._flat = np.array(flat, dtype=np.int32)
        self._counts = np.array([len(scopes) for scopes in named], dtype=np.int64)
        self._firsts = np.cumsum(self._counts) - self._counts
        self.scopes = list(numbers)
        steps = list(STEPS)
        self.fates = np.full(len(self.scopes), KEPT, dtype=np.int8)
        for step, is_out in self._verdicts(filters, proteins):
            removed = np.array(is_out, dtype=bool) & (self.fates == KEPT)
            self.fates[removed] = steps.index(step)
        self.groups = None
        if filters.replicates == "merge":
            merged, groups = group_scopes(self.scopes, self.fates == KEPT)
            self.groups = groups + len(self.scopes)
            self.scopes += merged
            self.groups = np.append(self.groups, np.arange(len(groups), len(self.scopes)))

    def _verdicts(
        self, filters: PeakFilters, proteins: Proteins | None
    ) -> Iterable[tuple[str, list[bool]]]:
        """(step, whether it leaves each scope out), in order."""
        if filters.modifications == "drop":
            yield "modifications", [bool(scope.modification) for scope in self.scopes]
        asked = (
            ("experiments", "experiment", filters.experiments, filters.exclude_experiments),
            ("targets", "target", filters.targets, filters.exclude_targets),
            ("biotypes", "biotype", filters.biotypes, filters.exclude_biotypes),
        )
        for step, field, include, exclude in asked:
            if include or exclude:
                names = {getattr(scope, field) for scope in self.scopes}
                kept = select_names(names, include, exclude, field)
                yield step, [getattr(scope, field) not in kept for scope in self.scopes]
        if proteins is not None:
            targets = {scope.target for scope in self.scopes}
            known = {target for target in targets if proteins.of(target)}
            if missing := sorted(targets - known):
                shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
                logger.warning("%d targets have no known protein: %s", len(missing), shown)
            yield "proteins", [scope.target not in known for scope in self.scopes]

    def spread(self, records: np.ndarray) -> np.ndarray:
        """A record for each scope of each record's name, under the scope's number."""
        counts = self._counts[records["scope"]]
        first = self._firsts[records["scope"]]
        if self._counts.max(initial=0) <= 1:
            records["scope"] = self._flat[first]
            return records
        at = np.repeat(np.arange(len(records)), counts)
        rank = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
        spread = records[at]
        spread["scope"] = self._flat[first[at] + rank]
        return spread


def sift(
    records: np.ndarray,
    names: NameFates,
    filters: PeakFilters,
    blacklist: np.ndarray | None,
    funnel: Funnel,
    note: Callable[[np.ndarray, np.ndarray | None], None],
) -> np.ndarray:
    """The peaks of one chrom that pass all steps but the last, in order.

    Args:
        note: Told of records what is dropped of them, bool (n,), or that all are (None), but for
            what is on the blacklist.
    """
    n_rows = len(records)
    records = names.spread(records)
    funnel.remove("names", n_rows - len(records))
    fates = np.bincount(names.fates[records["scope"]], minlength=KEPT + 1)
    for step, removed in zip(STEPS, fates[:KEPT].tolist(), strict=True):
        if removed:
            funnel.remove(step, removed)
    if fates[:KEPT].any():
        kept = names.fates[records["scope"]] == KEPT
        note(records, ~kept)
        records = records[kept]
    if filters.min_score is not None or filters.max_score is not None:
        kept = filters.scoring(records["score"])
        note(records, ~kept)
        records = _keep(records, kept, "score", funnel)
    if blacklist is not None and len(blacklist):
        is_hit = overlaps(records["start"], records["end"], blacklist)
        records = _keep(records, ~is_hit, "blacklist", funnel)
    if filters.duplicates:
        records = records[order_of(records)]
        n_before, records = len(records), drop_duplicates(records)
        funnel.remove("duplicates", n_before - len(records))
    if filters.replicates == "merge":
        least = filters.min_experiments
        records, n_joined, few = merge_replicates(records, names.groups, least)
        note(few, None)
        funnel.remove("replicates", n_joined)
        funnel.remove("min_experiments", len(few))
    return records


def _keep(records: np.ndarray, kept: np.ndarray, step: str, funnel: Funnel) -> np.ndarray:
    count = int(np.count_nonzero(kept))
    if count == len(records):
        return records
    funnel.remove(step, len(records) - count)
    return records[kept]
