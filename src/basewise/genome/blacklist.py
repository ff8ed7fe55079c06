"""The blacklist of an assembly: intervals whose signals are artefacts, under our chrom names."""

import logging
from os import PathLike

import numpy as np

from basewise.genome.aliases import resolve_aliases
from basewise.genome.fetch import local_copy
from basewise.intervals import merge, read_bed_records, read_chromsizes, write_bed
from basewise.intervals.bed import known_records

logger = logging.getLogger(__name__)

UNNAMED = "blacklist"


def get_blacklist(
    source: str | None,
    output_bed: str | PathLike,
    chromsizes_path: str | PathLike,
    *,
    aliases: str | PathLike | None = None,
    checksum: str | None = None,
) -> None:
    """Fetch a blacklist and write it as sorted, merged BED with names, in chromsizes order.

    Args:
        source: URL or path of a BED file, plain or gzip, as ENCODE's (v2 has four tab columns
            and spaces in its names); None or "" writes an empty blacklist.
        output_bed: The BED4 to write. Intervals that overlap or touch are joined, and so are
            their names, by commas.
        chromsizes_path: Chrom lengths; rows on other chroms are left out with one warning.
        aliases: A table of chrom names (see `read_aliases`) beside the built-in guesses.
        checksum: "sha256:<hex>" or "md5:<hex>" of the source.
    """
    if not source:
        logger.info("no blacklist is configured: %s is empty", output_bed)
        write_bed((), output_bed)
        return
    chromsizes = read_chromsizes(chromsizes_path)
    with local_copy(str(source), output_bed, checksum) as (path, _):
        names = dict.fromkeys(record[0] for _, record in read_bed_records(path))
        rename = resolve_aliases(names, chromsizes, aliases)
        rows: dict[str, list[tuple[int, int, str]]] = {}
        for _, (chrom, start, end, *rest) in known_records(path, chromsizes, rename):
            rows.setdefault(chrom, []).append((start, end, _name(rest)))
    write_bed(
        (record for chrom in chromsizes for record in _merged(chrom, rows.get(chrom, []))),
        output_bed,
    )


def _name(columns: list[str]) -> str:
    return columns[0].strip() if columns and columns[0].strip() else UNNAMED


def _merged(chrom: str, rows: list[tuple[int, int, str]]) -> list[tuple[str, int, int, str]]:
    """The rows of one chrom joined where they overlap or touch, with their distinct names."""
    rows = sorted(rows)
    intervals = merge([row[:2] for row in rows])
    names: list[dict[str, None]] = [{} for _ in intervals]
    for start, end, name in rows:
        if end > start:
            names[np.searchsorted(intervals[:, 0], start, side="right") - 1][name] = None
    return [
        (chrom, start, end, ",".join(joined))
        for (start, end), joined in zip(intervals.tolist(), names, strict=True)
    ]
