"""BED and chromsizes files: tab columns, plain or gzip, errors that name the line."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.intervals.packed import bgzip_writer, open_text
from basewise.intervals.sets import IntervalMap, as_intervals

logger = logging.getLogger(__name__)

BedRecord = tuple  # (chrom, start, end, *further columns as text)


def read_bed_records(path: str | PathLike) -> Iterator[tuple[int, BedRecord]]:
    """Yield (line number, (chrom, start, end, *further columns)) of a BED file, in file order.

    Columns are separated by tabs, so names may hold spaces. Empty lines and `#`, `track` and
    `browser` lines are skipped. A row without three columns, with a start that is no whole
    number, below 0 or past its end, is a BasewiseError with its line number.
    """
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith(("#", "track ", "browser ")):
                continue
            chrom, *columns = line.split("\t")
            try:
                start, end = int(columns[0]), int(columns[1])
                if not chrom or not 0 <= start <= end:
                    raise ValueError
            except (ValueError, IndexError):
                raise BasewiseError(
                    f"{path} line {number} is not BED",
                    found=repr(line[:80]),
                    hint="Expected tab-separated chrom, start, end with 0 <= start <= end",
                ) from None
            yield number, (chrom, start, end, *columns[2:])


def read_bed(
    path: str | PathLike,
    chromsizes: Mapping[str, int] | None = None,
    rename: Mapping[str, str] | None = None,
) -> IntervalMap:
    """Read the intervals of a BED file (plain or gzip) by chrom: int64 (n, 2), sorted by start.

    Args:
        path: The file.
        chromsizes: Chrom lengths in bp. With them the map follows their order, an end past its
            chrom is an error, and rows on other chroms are left out with one warning.
        rename: Chrom names of the file → ours, applied first; others are kept.

    Returns:
        The intervals as written, unmerged. Chroms without a row have no entry.
    """
    rows: dict[str, list[tuple[int, int]]] = {}
    for _, (chrom, start, end, *_) in known_records(path, chromsizes, rename):
        rows.setdefault(chrom, []).append((start, end))
    order = [chrom for chrom in chromsizes if chrom in rows] if chromsizes is not None else rows
    return {chrom: as_intervals(rows[chrom]) for chrom in order}


def known_records(
    path: str | PathLike,
    chromsizes: Mapping[str, int] | None = None,
    rename: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, BedRecord]]:
    """The records of a BED file under our chrom names, without chroms that the genome lacks."""
    unknown: dict[str, int] = {}
    rename = rename or {}
    for number, (name, start, end, *rest) in read_bed_records(path):
        chrom = rename.get(name, name)
        if chromsizes is not None and chrom not in chromsizes:
            unknown[name] = unknown.get(name, 0) + 1
            continue
        if chromsizes is not None and end > chromsizes[chrom]:
            raise BasewiseError(
                f"{path} line {number} reaches past the end of {chrom} ({chromsizes[chrom]} bp)",
                found=f"end {end}",
                hint="Is the file of another assembly?",
            )
        yield number, (chrom, start, end, *rest)
    if unknown:
        warn_unknown_chroms(path, unknown)


def warn_unknown_chroms(path: str | PathLike, unknown: Mapping[str, int]) -> None:
    """Say once which chroms of a file the genome lacks, and how many intervals they held."""
    names = ", ".join(list(unknown)[:5]) + (", …" if len(unknown) > 5 else "")
    logger.warning(
        "%s: %d chrom%s with %d interval%s left out, because the genome lacks them: %s",
        path,
        len(unknown),
        "" if len(unknown) == 1 else "s",
        (count := sum(unknown.values())),
        "" if count == 1 else "s",
        names,
    )


def write_bed(
    intervals: Mapping[str, np.ndarray] | Iterable[BedRecord], path: str | PathLike
) -> None:
    """Write intervals by chrom, or records (chrom, start, end, *columns), in the order given.

    A path that ends in `.gz` is packed as bgzip; equal input gives equal bytes.
    """
    if isinstance(intervals, Mapping):
        intervals = (
            (chrom, start, end)
            for chrom, rows in intervals.items()
            for start, end in np.asarray(rows).tolist()
        )
    lines = ("\t".join(map(str, record)) + "\n" for record in intervals)
    with atomic_path(path) as temporary:
        if Path(path).suffix == ".gz":
            with bgzip_writer(temporary) as packed:
                for line in lines:
                    packed.write(line.encode())
        else:
            with temporary.open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(lines)


def read_chromsizes(path: str | PathLike) -> dict[str, int]:
    """Read chrom lengths in bp from the first two tab columns of a file, in file order."""
    chromsizes: dict[str, int] = {}
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            chrom, _, rest = line.rstrip("\n").partition("\t")
            size = rest.split("\t")[0].strip()
            if not chrom or not size.isascii() or not size.isdigit() or int(size) == 0:
                raise BasewiseError(
                    f"{path} line {number} is not a chrom and its length",
                    found=repr(line.rstrip()[:80]),
                    hint="Expected two tab-separated columns: name, length in bp",
                )
            if chrom in chromsizes:
                raise BasewiseError(f"{path} line {number} repeats a chrom", found=repr(chrom))
            chromsizes[chrom] = int(size)
    if not chromsizes:
        raise BasewiseError(f"{path} names no chrom")
    return chromsizes
