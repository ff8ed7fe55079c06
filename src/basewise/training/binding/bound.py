"""Where pairs are bound, from the windows of their peaks: labels of any window for any pair."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.training.binding.pairs import PairTable

_SPAN = 1 << 40  # more than any chrom is long


@dataclass(frozen=True)
class BoundPlaces:
    """The centres of bound windows, sorted by pair, chrom and place.

    Attributes:
        keys: int64, (pair, chrom, centre) as one number each.
        chroms: chrom -> its number.
        within_bp: a window is bound where a centre is at most so far from its own;
        beyond_bp: and not bound where none is nearer than this.
    """

    keys: np.ndarray
    chroms: dict[str, int]
    within_bp: int
    beyond_bp: int

    @classmethod
    def of(
        cls, windows: pd.DataFrame, pairs: PairTable, within_bp: int, beyond_bp: int
    ) -> "BoundPlaces":
        """The places of the windows with label 1.

        Raises:
            BasewiseError: distances that leave no order.
        """
        if not 0 <= within_bp <= beyond_bp:
            raise BasewiseError(
                "bound_within_bp is at most unbound_beyond_bp", found=f"{within_bp}, {beyond_bp}"
            )
        chroms = {str(name): i for i, name in enumerate(pd.unique(windows["chrom"].astype(str)))}
        bound = windows[windows["label"] == 1]
        numbers = pairs.numbers(
            bound["target"].astype(str).to_numpy(), bound["biotype"].astype(str).to_numpy()
        )
        centre = (bound["start"].to_numpy(np.int64) + bound["end"].to_numpy(np.int64)) // 2
        own = bound["chrom"].astype(str).map(chroms).to_numpy(np.int64)
        keys = np.sort((numbers.astype(np.int64) * len(chroms) + own) * _SPAN + centre)
        return cls(keys, chroms, within_bp, beyond_bp)

    def label(
        self, chroms: Sequence[str], centres: np.ndarray, pairs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels of windows for pairs, and which of them are known.

        Args:
            chroms, centres: of B windows. pairs: int (T,), by number.

        Returns:
            float32 (T, B), 1 where bound; float32 (T, B), 0 where neither bound nor clearly not.
        """
        own = np.array([self.chroms[str(chrom)] for chrom in chroms], np.int64)
        asked = (pairs[:, None].astype(np.int64) * len(self.chroms) + own) * _SPAN + centres
        after = np.searchsorted(self.keys, asked)
        ends = np.concatenate([[-_SPAN], self.keys, [np.iinfo(np.int64).max // 2]])
        distance = np.minimum(asked - ends[after], ends[after + 1] - asked)
        is_bound = distance <= self.within_bp
        return is_bound.astype(np.float32), (is_bound | (distance > self.beyond_bp)).astype(
            np.float32
        )
