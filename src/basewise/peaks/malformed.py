"""Broken rows of a peak file: counted by what is wrong, the first of them kept, few forgiven."""

import logging
from collections import Counter
from os import PathLike

import numpy as np

from basewise.errors import BasewiseError
from basewise.peaks.rows import NAMELESS, REASONS

logger = logging.getLogger(__name__)

SHOWN = 5
LONGEST = 80


class Malformed:
    """The broken rows so far.

    Attributes:
        counts: rows by reason.
        first: (line number, reason, text) of the first few, by line.
    """

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self.first: list[tuple[int, str, str]] = []

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, bad: np.ndarray, block: bytes) -> None:
        """Note BAD_ROW records (n,) of a block of text."""
        for reason, count in zip(*np.unique(bad["reason"], return_counts=True), strict=True):
            self.counts[REASONS[int(reason)]] += int(count)
        for row in bad[:SHOWN]:
            text = show(block[row["first"] : row["last"]])
            self._keep(int(row["line"]), REASONS[int(row["reason"])], text)

    def add_nameless(self, rows: np.ndarray, names: list[str]) -> None:
        """Note ROW records (n,) whose name, one of `names`, does not fit the layout."""
        self.counts[REASONS[NAMELESS]] += len(rows)
        for row in rows[:SHOWN]:
            text = show(names[row["name"]].encode())
            self._keep(int(row["line"]), REASONS[NAMELESS], text)

    def check(self, path: str | PathLike, n_rows: int, max_share: float) -> None:
        """Warn of broken rows, or raise a BasewiseError if they are more than may be.

        One row, such as a header, is forgiven in small files too, unless none may be broken.
        """
        if not self:
            return
        share = len(self) / n_rows
        is_one_of_many = len(self) == 1 < n_rows and max_share > 0
        reasons = ", ".join(f"{n:,} with {reason}" for reason, n in self.counts.most_common())
        first = "; ".join(f"line {line}: {text}" for line, _, text in self.first)
        if share > max_share and not is_one_of_many:
            raise BasewiseError(
                f"{path}: {len(self):,} of {n_rows:,} rows are broken "
                f"({share:.3%}, more than the {max_share:.3%} that max_malformed allows)",
                found=f"{reasons}; {first}",
                hint="Is the layout right, and the file whole?",
            )
        logger.warning(
            "%s: %d of %d rows left out: %s; first: %s",
            *(path, len(self), n_rows, reasons, first),
        )

    def _keep(self, line: int, reason: str, text: str) -> None:
        self.first = sorted([*self.first, (line, reason, text)])[:SHOWN]


def show(line: bytes) -> str:
    """The beginning of a line, for an error."""
    return repr(line.rstrip(b"\r\n")[:LONGEST].decode("utf-8", errors="replace"))
