"""Candidates of hard negatives: windows around peaks that are not the scope's own.

Peaks of other targets in the same biotype are open, active places that this target passes by;
peaks of the same target in other biotypes hold its motif where this biotype keeps it closed.
Candidates ("a pool") are the distinct starts of such windows. A scope's own peaks may be among
them; what they bar is left out when the scope is drawn.
"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from basewise.peaks.negatives.line import Anywhere, Pool
from basewise.peaks.negatives.scoped import ScopedPeaks

SOURCES = ("other_targets", "other_biotypes", "all_peaks")
MAX_KEPT = 1 << 28  # window starts of pools kept in memory, 4 bytes each in most genomes


class Pools:
    """Windows around the peaks of a biotype, of a target, or of all, outside what all avoid.

    Pools of biotypes are kept for the scopes to come; of a target's, only the last one, so scopes
    had better come target by target.

    Args:
        peaks: All peaks, with windows.
        anywhere: Where any window may start, before a scope's own peaks are considered.
    """

    def __init__(self, peaks: ScopedPeaks, anywhere: Anywhere):
        self._peaks = peaks
        self._anywhere = anywhere
        self._kept: OrderedDict[tuple, Pool] = OrderedDict()
        self._n_kept = 0
        self._target: str | None = None
        self._of_target = Pool(np.empty(0, np.int64))

    def get(self, source: str, target: str, biotype: str) -> Pool:
        """The pool of a source for a scope."""
        choices = {
            "other_targets": {"biotype": biotype},
            "other_biotypes": {"target": target},
            "all_peaks": {},
        }[source]
        if source == "other_biotypes":
            if self._target != target:
                self._target, self._of_target = target, self._find(choices)
            return self._of_target
        key = tuple(choices.items())
        if key not in self._kept:
            self._kept[key] = self._find(choices)
            self._n_kept += len(self._kept[key])
            while len(self._kept) > 2 and self._n_kept > MAX_KEPT:
                self._n_kept -= len(self._kept.popitem(last=False)[1])
        self._kept.move_to_end(key)
        return self._kept[key]

    def _find(self, choices: Mapping[str, str]) -> Pool:
        places = np.sort(self._peaks.windows(**choices))
        places = places[np.append(True, places[1:] != places[:-1])[: len(places)]]
        return Pool(places[self._anywhere.holds(places.astype(np.int64))])
