"""A peak file of any size, read in batches, its broken rows counted.

Memory holds a few MB of text, and the distinct names.
"""

from collections import Counter
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError
from basewise.intervals.blocks import read_blocks
from basewise.peaks.columns import PeakColumns
from basewise.peaks.malformed import Malformed, show
from basewise.peaks.name_table import make_names, make_room, read_names
from basewise.peaks.names import Scope
from basewise.peaks.rows import BAD_ROW, ROW, parse_rows

MOST_NAMES = 10_000_000
FIRST_ROWS = 1_000
TRACK, BROWSER = (np.frombuffer(word, np.uint8) for word in (b"track", b"browser"))


class Catalogue:
    """The rows of a peak file.

    Attributes:
        chroms: chrom names by number, as the file writes them, those seen so far.
        scopes: what each name means, by number; a row is one peak of each of its name's scopes.
        n_rows: rows read so far, broken ones included.
        malformed: the broken rows so far.
    """

    def __init__(
        self,
        path: str | PathLike,
        columns: PeakColumns | None = None,
        *,
        max_malformed: float = 0.001,
    ):
        """Nothing is read yet.

        Args:
            path: tab-separated text, plain, gzip or bgzip; empty lines and those that start with
                `#`, `track` or `browser` are no rows.
            columns: what its columns are; those of ReMap's `all` file by default.
            max_malformed: the greatest share of broken rows that is forgiven; above 0, a single
                one always is.
        """
        self.path = Path(path)
        self.columns = columns or PeakColumns()
        self.max_malformed = max_malformed
        self.chroms: list[str] = []
        self.scopes: list[list[Scope]] = []
        self.n_rows = 0
        self.malformed = Malformed()

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the sound rows in file order, as ROW records (n,).

        `chrom` is an index into `chroms`, `name` into `scopes`; start, end (0-based, half-open)
        and summit are bp; a missing summit is the middle, a missing score 0.

        Raises:
            BasewiseError: the file is absent, broken or empty; it has too few columns; more of
                its rows are broken than may be (names the first lines and what is wrong there).
        """
        if self.n_rows:
            raise ValueError("a Catalogue is read once; make another")
        parse = self.columns.get_parser()
        chroms, names, texts = make_names(), make_names(), []
        is_sound = np.zeros(0, dtype=bool)
        rows, bad, joined = np.empty(0, ROW), np.empty(0, BAD_ROW), np.empty(0, np.uint8)
        roles, line = None, 1
        for block in read_blocks(self.path):
            text = np.frombuffer(block, np.uint8)
            n_lines = int(np.count_nonzero(text == ord("\n")))
            roles = self._find_roles(block) if roles is None else roles
            if roles is None:  # comments alone, so far
                line += n_lines
                continue
            chroms = make_room(chroms, n_lines, len(text))
            names = make_room(names, n_lines, len(text))
            if len(rows) < n_lines:
                rows, bad = np.empty(2 * n_lines, ROW), np.empty(2 * n_lines, BAD_ROW)
            if len(joined) < len(text):
                joined = np.empty(2 * len(text), np.uint8)
            tables = (chroms, names, TRACK, BROWSER, joined)
            n_good, n_bad, n_read = parse_rows(text, line, roles, *tables, rows, bad)
            line += n_read
            self.n_rows += n_good + n_bad
            self.malformed.add(bad[:n_bad], block)
            self.chroms += read_names(chroms, len(self.chroms))
            if new := read_names(names, len(texts)):
                texts += new
                self.scopes += [parse(name) for name in new]
                is_sound = np.append(is_sound, [bool(s) for s in self.scopes[len(is_sound) :]])
                self._check_names()
            batch = rows[:n_good]
            fits = is_sound[batch["name"]]
            self.malformed.add_nameless(batch[~fits], texts)
            if self.n_rows >= FIRST_ROWS and len(self.malformed) == self.n_rows:
                self.malformed.check(self.path, self.n_rows, self.max_malformed)
            yield batch[fits]
        if not self.n_rows:
            raise BasewiseError(f"{self.path} holds no peak")
        self.malformed.check(self.path, self.n_rows, self.max_malformed)

    def _find_roles(self, block: bytes) -> np.ndarray | None:
        """The roles of the columns, of which most of the first rows have so many."""
        lines = block.split(b"\n", 2 * FIRST_ROWS)[: 2 * FIRST_ROWS]
        rows = [
            line
            for line in lines
            if line.strip() and not line.startswith((b"#", b"track", b"browser"))
        ]
        if not rows:
            return None
        n_columns = Counter(line.count(b"\t") + 1 for line in rows).most_common(1)[0][0]
        if n_columns < self.columns.n_needed:
            raise BasewiseError(
                f"{self.path} has too few tab-separated columns for layout {self.columns.layout!r}",
                found=f"{n_columns}, not {self.columns.n_needed} or more: {show(rows[0])}",
            )
        return self.columns.roles(n_columns)

    def _check_names(self) -> None:
        if len(self.scopes) > MOST_NAMES:
            raise BasewiseError(
                f"{self.path} has more than {MOST_NAMES:,} distinct names of peaks",
                found=f"such as {[scope.name for scope in self.scopes[-1]]}",
                hint="Names say whose a peak is; for a file whose peaks have names of their own, "
                "use layout 'bed' and name its columns",
            )


def read_catalogue(
    path: str | PathLike, columns: PeakColumns | None = None, *, max_malformed: float = 0.001
) -> pd.DataFrame:
    """All peaks of a file that fits into memory, in file order, under the file's chrom names.

    Returns:
        chrom, start, end, summit, score, experiment, target, biotype, modification; a row of the
        file with several scopes becomes as many rows.
    """
    catalogue = Catalogue(path, columns, max_malformed=max_malformed)
    rows = np.concatenate(list(catalogue.batches()))
    n_scopes = np.array([len(scopes) for scopes in catalogue.scopes])
    firsts = np.cumsum(n_scopes) - n_scopes
    counts = n_scopes[rows["name"]]
    at = np.repeat(np.arange(len(rows)), counts)
    rank = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    scopes = firsts[rows["name"][at]] + rank
    flat = [scope for scopes in catalogue.scopes for scope in scopes]
    frame = pd.DataFrame({"chrom": np.array(catalogue.chroms, dtype=object)[rows["chrom"][at]]})
    for name in ("start", "end", "summit", "score"):
        frame[name] = rows[name][at]
    for i, name in enumerate(Scope._fields):
        frame[name] = np.array([scope[i] for scope in flat], dtype=object)[scopes]
    return frame
