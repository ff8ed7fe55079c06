"""A peak file of any size, read in batches: plain, gzip or bgzip, its broken rows counted.

Memory holds a few MB of text, and the distinct names. Unpacking runs in a thread beside parsing.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from isal import igzip_threaded
from isal.isal_zlib import IsalError

from basewise.errors import BasewiseError
from basewise.intervals.packed import GZIP_MAGIC
from basewise.peaks.columns import PeakColumns
from basewise.peaks.names import NAME_COLUMNS, Scope
from basewise.peaks.rows import (
    BAD_ROW,
    NAMELESS,
    REASONS,
    ROW,
    make_names,
    make_room,
    parse_rows,
    read_names,
)

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 22
LONGEST_LINE_BYTES = 1 << 26
MOST_NAMES = 10_000_000
FIRST_ROWS = 1_000
SHOWN = 5
TRACK, BROWSER = (np.frombuffer(word, np.uint8) for word in (b"track", b"browser"))


class Catalogue:
    """The rows of a peak file.

    Attributes:
        chroms: chrom names by number, as the file writes them, those seen so far.
        scopes: what each name means, by number; a row is one peak of each of its name's scopes.
        n_rows: rows read so far, broken ones included.
        malformed: broken rows by reason, so far.
        first_malformed: (line number, reason, text) of the first few.
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
            path: tab-separated text; empty lines and those that start with `#`, `track` or
                `browser` are no rows.
            columns: what its columns are; those of ReMap's `all` file by default.
            max_malformed: the greatest share of broken rows that is forgiven.
        """
        self.path = Path(path)
        self.columns = columns or PeakColumns()
        self.max_malformed = max_malformed
        self.chroms: list[str] = []
        self.scopes: list[list[Scope]] = []
        self.n_rows = 0
        self.malformed: Counter[str] = Counter()
        self.first_malformed: list[tuple[int, str, str]] = []

    @property
    def n_malformed(self) -> int:
        return self.malformed.total()

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
        chroms, names = make_names(), make_names()
        roles, line = None, 1
        is_sound = np.zeros(0, dtype=bool)
        rows = bad = np.empty(0, ROW)
        joined = np.empty(0, np.uint8)
        for block in _read_blocks(self.path):
            text = np.frombuffer(block, np.uint8)
            if roles is None:
                roles = self._find_roles(block)
                if roles is None:
                    line += block.count(b"\n")
                    continue
            n_lines = block.count(b"\n")
            chroms = make_room(chroms, n_lines, len(text))
            names = make_room(names, n_lines, len(text))
            if len(rows) < n_lines:
                rows, bad = np.empty(2 * n_lines, ROW), np.empty(2 * n_lines, BAD_ROW)
            if len(joined) < len(text):
                joined = np.empty(2 * len(text), np.uint8)
            tables = (chroms, names, TRACK, BROWSER, joined)
            n_good, n_bad, n_read = parse_rows(text, line, roles, *tables, rows, bad)
            line += n_read
            self._note_bad(bad[:n_bad], block)
            self.chroms += read_names(chroms, len(self.chroms))
            texts = read_names(names, len(self.scopes))
            self.scopes += [parse(name) for name in texts]
            is_sound = (
                np.append(is_sound, [bool(scopes) for scopes in self.scopes[-len(texts) :]])
                if texts
                else is_sound
            )
            batch = rows[:n_good]
            keep = is_sound[batch["name"]]
            if not keep.all():
                self._note_nameless(batch[~keep], names)
                batch = batch[keep]
            self.n_rows += n_good + n_bad
            self._check_names()
            if self.n_rows >= FIRST_ROWS and self.n_malformed == self.n_rows:
                break
            yield batch.copy()
        self._finish()

    def _find_roles(self, block: bytes) -> np.ndarray | None:
        """The roles of the columns, of which most of the first rows have so many."""
        lines = (
            line for line in block.split(b"\n", 2 * FIRST_ROWS)[: 2 * FIRST_ROWS] if line.strip()
        )
        rows = [line for line in lines if not line.startswith((b"#", b"track", b"browser"))]
        if not rows:
            return None
        n_columns = Counter(line.count(b"\t") + 1 for line in rows).most_common(1)[0][0]
        if n_columns < self.columns.n_needed:
            raise BasewiseError(
                f"{self.path} has too few tab-separated columns for layout {self.columns.layout!r}",
                found=f"{n_columns}, not {self.columns.n_needed} or more: {_show(rows[0])}",
            )
        return self.columns.roles(n_columns)

    def _note_bad(self, bad: np.ndarray, block: bytes) -> None:
        reasons, counts = np.unique(bad["reason"], return_counts=True)
        for reason, count in zip(reasons.tolist(), counts.tolist(), strict=True):
            self.malformed[REASONS[reason]] += count
        for row in bad[: max(SHOWN - len(self.first_malformed), 0)]:
            text = _show(block[row["first"] : row["last"]])
            self.first_malformed.append((int(row["line"]), REASONS[int(row["reason"])], text))

    def _note_nameless(self, rows: np.ndarray, names) -> None:
        self.malformed[REASONS[NAMELESS]] += len(rows)
        for row in rows[: max(SHOWN - len(self.first_malformed), 0)]:
            first, last = names.ends[row["name"]], names.ends[row["name"] + 1]
            text = _show(names.text[first:last].tobytes())
            self.first_malformed.append((int(row["line"]), REASONS[NAMELESS], text))

    def _check_names(self) -> None:
        if len(self.scopes) > MOST_NAMES:
            raise BasewiseError(
                f"{self.path} has more than {MOST_NAMES:,} distinct names of peaks",
                found=f"the last {self.scopes[-1][:1]}",
                hint="Names say whose a peak is; for a file whose peaks have names of their own, "
                "use layout 'bed' and name its columns",
            )

    def _finish(self) -> None:
        if not self.n_rows:
            raise BasewiseError(f"{self.path} holds no peak")
        if not self.n_malformed:
            return
        share = self.n_malformed / self.n_rows
        reasons = ", ".join(
            f"{count:,} with {reason}" for reason, count in self.malformed.most_common()
        )
        first = "; ".join(f"line {line}: {text}" for line, _, text in self.first_malformed)
        if share > self.max_malformed:
            raise BasewiseError(
                f"{self.path}: {self.n_malformed:,} of {self.n_rows:,} rows are broken "
                f"({share:.3%}, more than the {self.max_malformed:.3%} that max_malformed allows)",
                found=f"{reasons}; {first}",
                hint="Is the layout right, and the file whole?",
            )
        logger.warning(
            "%s: %d of %d rows left out: %s; first: %s",
            *(self.path, self.n_malformed, self.n_rows, reasons, first),
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
    counts = np.array([len(scopes) for scopes in catalogue.scopes])
    firsts = np.cumsum(counts) - counts
    flat = [scope for scopes in catalogue.scopes for scope in scopes]
    n_scopes = counts[rows["name"]]
    at = np.repeat(np.arange(len(rows)), n_scopes)
    rank = np.arange(len(at)) - np.repeat(np.cumsum(n_scopes) - n_scopes, n_scopes)
    scopes = firsts[rows["name"][at]] + rank
    frame = pd.DataFrame({"chrom": np.array(catalogue.chroms, dtype=object)[rows["chrom"][at]]})
    for name in ("start", "end", "summit", "score"):
        frame[name] = rows[name][at]
    for i, name in enumerate((*NAME_COLUMNS, "modification")):
        frame[name] = np.array([scope[i] for scope in flat], dtype=object)[scopes]
    return frame


def _show(line: bytes) -> str:
    return repr(line.rstrip(b"\r\n")[:80].decode("utf-8", errors="replace"))


def _read_blocks(path: Path) -> Iterator[bytes]:
    """Whole lines, about BLOCK_BYTES at a time; the last line always ends with a newline."""
    rest = b""
    for chunk in _read_chunks(path):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
            continue
        rest += chunk
        if len(rest) > LONGEST_LINE_BYTES:
            raise BasewiseError(f"{path} is not text", found="a line of more than 64 MiB")
    if rest:
        yield rest + b"\n"


def _read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as probe:
            is_packed = probe.read(2) == GZIP_MAGIC
        opened = igzip_threaded.open(path, "rb", threads=1) if is_packed else path.open("rb")
        with closing(opened) as stream:
            while chunk := stream.read(BLOCK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise BasewiseError(f"{path} does not exist") from None
    except (EOFError, OSError, zlib.error, IsalError) as error:
        raise BasewiseError(
            f"{path} could not be read whole", found=str(error), hint="Fetch or pack it again"
        ) from None
