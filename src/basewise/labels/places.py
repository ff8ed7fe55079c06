"""Where the rows of an annotation lie on our chroms, across the origin of circular ones too."""

import logging
from collections.abc import Iterable, Mapping
from os import PathLike
from urllib.parse import unquote

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome.aliases import Aliases
from basewise.genome.matching import match_names
from basewise.intervals.bed import warn_unknown_chroms
from basewise.labels.genes import transcript_keys
from basewise.labels.table import AnnotationTable

logger = logging.getLogger(__name__)


def number_chroms(
    path: str | PathLike,
    table: AnnotationTable,
    chromsizes: Mapping[str, int],
    aliases: Aliases,
    dropped: Iterable[str] = (),
) -> np.ndarray:
    """The index in chromsizes of each of a table's names, -1 of others: int32 (n,).

    Names of GFF3 files that mean no chrom as they stand may be percent-encoded. A BasewiseError
    if none means one (see `match_names`).
    """
    rank = {chrom: i for i, chrom in enumerate(chromsizes)}
    plain = [unquote(name) if table.is_gff3 else name for name in table.names]
    both = dict.fromkeys([*table.names, *plain])
    rename = match_names(path, both, chromsizes, aliases, dropped=dropped)
    meant = [rename.get(n, rename.get(text)) for n, text in zip(table.names, plain, strict=True)]
    return np.array([rank.get(chrom, -1) for chrom in meant], dtype=np.int32)


def place_on_genome(
    path: str | PathLike,
    table: AnnotationTable,
    chromsizes: Mapping[str, int],
    aliases: Aliases,
    dropped: Iterable[str] = (),
) -> np.ndarray:
    """Number chroms as the genome does; drop rows on others; refuse rows past the end.

    Rows of a circular chrom may reach past its end, up to once around (GFF3 1.26: the length is
    added to the end of what crosses the origin). They stay as they are, and other parts of such
    transcripts that lie after the origin join them there, so that exons keep their order;
    `cut_at_origins` brings back what is made of them.

    Returns:
        Rows (ROW) whose chroms are indices into chromsizes.

    Raises:
        BasewiseError: no chrom of the file is in the genome; a row past the end of its chrom.
    """
    rows = table.rows
    code = number_chroms(path, table, chromsizes, aliases, dropped)
    counts = np.bincount(rows["chrom"], minlength=len(table.names))
    unknown = {
        name: int(count)
        for name, known, count in zip(table.names, code >= 0, counts, strict=True)
        if not known and count
    }
    if unknown:
        warn_unknown_chroms(path, unknown)
    rows = rows[code[rows["chrom"]] >= 0]
    rows["chrom"] = code[rows["chrom"]]
    sizes = np.array(list(chromsizes.values()), dtype=np.int64)
    is_circular = np.zeros(len(sizes), dtype=bool)
    is_circular[[code[i] for i in table.circular if code[i] >= 0]] = True
    size = sizes[rows["chrom"]]
    crosses = is_circular[rows["chrom"]] & (rows["end"] > size) & (rows["end"] <= 2 * size)
    past = np.flatnonzero((rows["end"] > size) & ~crosses)
    if len(past):
        i = past[0]
        chrom = list(chromsizes)[rows["chrom"][i]]
        raise BasewiseError(
            f"{path} line {rows['number'][i]} reaches past the end of {chrom} "
            f"({chromsizes[chrom]} bp)",
            found=f"end {rows['end'][i]}",
            hint="Is the file of another assembly?",
        )
    if crosses.any():
        chroms = [list(chromsizes)[i] for i in np.unique(rows["chrom"][crosses])[:5].tolist()]
        logger.info(
            "%s: %d rows cross the origin of a circular chrom and go on at its start: %s",
            path,
            len(np.unique(rows["number"][crosses])),
            ", ".join(chroms),
        )
        _carry_round(rows, crosses, size)
    return rows


def _carry_round(rows: np.ndarray, crosses: np.ndarray, size: np.ndarray) -> None:
    """Add its chrom's length to what follows the origin in a transcript that crosses it, in place.

    A part of such a transcript follows the origin if the end of what crosses is nearer than the
    start. Without this the rest of the chrom would seem an intron.
    """
    over = rows[crosses & (rows["owner"] != 0)]
    keys, of_key = np.unique(transcript_keys(over), return_inverse=True)
    first, last = np.full(len(keys), np.iinfo(np.int64).max), np.zeros(len(keys), dtype=np.int64)
    np.minimum.at(first, of_key, over["start"])
    np.maximum.at(last, of_key, over["end"])
    key = transcript_keys(rows)
    parts = np.flatnonzero(~crosses & np.isin(key, keys))
    at = np.searchsorted(keys, key[parts])
    after = rows["start"][parts] + size[parts] - last[at]
    follows = parts[after < first[at] - rows["end"][parts]]
    rows["start"][follows] += size[follows]
    rows["end"][follows] += size[follows]


def cut_at_origins(
    chrom: np.ndarray, start: np.ndarray, end: np.ndarray, chromsizes: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stretches (n,) that reach past their chrom's end, in two: up to it, and on from base 0."""
    size = np.array(list(chromsizes.values()), dtype=np.int64)[chrom]
    over = end > size
    if not over.any():
        return chrom, start, end
    before = start < size
    return (
        np.append(chrom[before], chrom[over]),
        np.append(start[before], np.maximum(start - size, 0)[over]),
        np.append(np.minimum(end, size)[before], (end - size)[over]),
    )
