"""The funnel: how many peaks each step of filtering removed, and which step removed the last."""

import logging
from os import PathLike

import pandas as pd

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

logger = logging.getLogger(__name__)


class Funnel:
    """Counts of removed peaks by step; steps are declared first, so that all appear in order."""

    def __init__(self, steps: dict[str, str]):
        """Steps by name, with what each leaves out, in the order in which they are taken."""
        self._what = dict(steps)
        self._removed = dict.fromkeys(steps, 0)
        self.n_rows = 0
        self.n_peaks = 0

    def start(self, n_rows: int) -> None:
        """Note rows of the file, broken ones included, that turn into as many peaks at first."""
        self.n_rows += n_rows
        self.n_peaks += n_rows

    def remove(self, step: str, count: int) -> None:
        """Note peaks that a step removed; a negative count is of peaks that it added."""
        self._removed[step] += int(count)
        self.n_peaks -= int(count)

    def table(self) -> pd.DataFrame:
        """step, removed, left (int64) and what the step leaves out, from `rows` on."""
        left = self.n_rows
        rows = [("rows", 0, left, "rows of the file")]
        for step, removed in self._removed.items():
            left -= removed
            rows.append((step, removed, left, self._what[step]))
        return pd.DataFrame(rows, columns=["step", "removed", "left", "what"])

    def write(self, path: str | PathLike) -> None:
        """Write the table as TSV."""
        with atomic_path(path) as temporary:
            self.table().to_csv(temporary, sep="\t", index=False, lineterminator="\n")

    def log(self) -> None:
        """Say what was removed, without the steps that removed nothing."""
        for step, removed, left, what in self.table().itertuples(index=False):
            if removed or step == "rows":
                counts = f"{removed:>13,} removed {left:>13,} left"
                logger.info("%-15s %s: %s", step, counts, what)

    def check(self, source: object) -> None:
        """Raise a BasewiseError that names the step that removed the last peak, if one did."""
        if self.n_peaks:
            return
        table = self.table()
        last = table[table["removed"] != 0].iloc[-1]
        counts = ", ".join(
            f"{step} {removed:,}" for step, removed in self._removed.items() if removed > 0
        )
        raise BasewiseError(
            f"no peak of {source} is left: the step '{last['step']}' removed the last "
            f"{last['removed']:,} of {self.n_rows:,} rows",
            found=f"removed by step: {counts}",
            hint=f"It leaves out {last['what']}",
        )
