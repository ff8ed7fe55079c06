"""Peaks past the ends of chroms, which a file of another assembly has many of: few are forgiven."""

import logging

import numpy as np

from basewise.errors import BasewiseError
from basewise.peaks.funnel import Funnel

logger = logging.getLogger(__name__)


class Beyond:
    """Peaks past the ends of chroms, dropped and counted chrom by chrom."""

    def __init__(self, source: str, max_share: float):
        self._source, self._max_share = source, max_share
        self._n_beyond = self._n_all = 0
        self._first = ""

    def drop(self, records: np.ndarray, chrom: str, size_bp: int, funnel: Funnel) -> np.ndarray:
        """The records that end on their chrom."""
        is_beyond = records["end"] > size_bp
        self._n_all += len(records)
        count = int(is_beyond.sum())
        if not count:
            return records
        if not self._first:
            start, end, *_ = records[is_beyond][0]
            self._first = f"{chrom}:{start}-{end} where {chrom} has {size_bp} bp"
        self._n_beyond += count
        funnel.remove("chrom_ends", count)
        return records[~is_beyond]

    def check(self) -> None:
        """Raise a BasewiseError if there are more than may be."""
        if not self._n_beyond:
            return
        share = self._n_beyond / self._n_all
        if share > self._max_share:
            raise BasewiseError(
                f"{self._source}: {self._n_beyond:,} of {self._n_all:,} peaks reach past the end "
                f"of their chrom ({share:.3%}, more than the {self._max_share:.3%} that "
                "max_beyond allows)",
                found=self._first,
                hint="Is it of another assembly?",
            )
        logger.warning(
            "%s: %d peaks left out that reach past the end of their chrom, such as %s",
            *(self._source, self._n_beyond, self._first),
        )
