"""The blacklist of an assembly: intervals whose signals are artefacts, under our chrom names."""

import logging
import shutil
from collections.abc import Iterable
from os import PathLike, fspath

from basewise.errors import BasewiseError
from basewise.genome.fetch import local_copy
from basewise.genome.matching import match_names
from basewise.intervals import read_bed_records, read_chromsizes, write_bed
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
    dropped: Iterable[str] = (),
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
        dropped: Chroms that filters kept out of the genome; the blacklist may name these alone.

    Raises:
        BasewiseError: The source cannot be had, a row is not BED or reaches past its chrom, no
            chrom is named as the genome names any, or bedtools is not installed.
    """
    if not source:
        logger.info("no blacklist is configured: %s is empty", output_bed)
        write_bed((), output_bed)
        return
    chromsizes = read_chromsizes(chromsizes_path)
    with local_copy(str(source), output_bed, checksum) as (path, _):
        names = dict.fromkeys(record[0] for _, record in read_bed_records(path))
        rename = match_names(source, names, chromsizes, aliases, dropped=dropped, is_sparse=True)
        rows = [
            (chrom, start, end, _name(rest))
            for _, (chrom, start, end, *rest) in known_records(path, chromsizes, rename)
            if end > start
        ]
    write_bed(_merge_rows(rows, chromsizes_path) if rows else (), output_bed)


def _name(columns: list[str]) -> str:
    return columns[0].strip() if columns and columns[0].strip() else UNNAMED


def _merge_rows(
    rows: list[tuple[str, int, int, str]], chromsizes_path: str | PathLike
) -> list[tuple[str, ...]]:
    """Sort rows by chromsizes and start, and join those that overlap or touch, with their names."""
    if shutil.which("bedtools") is None:
        raise BasewiseError(
            "Merging a blacklist needs bedtools, which is not on the PATH",
            hint="Install it (apt install bedtools, conda install bedtools) and run again",
        )
    from pybedtools import BedTool  # slow to import, and most that import us do not need it

    merged = BedTool(rows).sort(g=fspath(chromsizes_path)).merge(c=4, o="distinct")
    joined = [tuple(interval.fields) for interval in merged]
    merged.delete_temporary_history(ask=False)
    return joined
