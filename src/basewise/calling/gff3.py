"""Rows of the GFF3 1.26 format: columns, percent-encoding, header."""

import re
from collections.abc import Iterable, Mapping

# The specification names what may stand plain in a seqid, and what must not in the other columns.
_NOT_IN_SEQID = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?\-|]")
_NOT_IN_COLUMN = re.compile(r"[\x00-\x1f\x7f%]")
_NOT_IN_ATTRIBUTE = re.compile(r"[\x00-\x1f\x7f%;=&,]")


def header_lines(chromsizes: Mapping[str, int]) -> list[str]:
    """The version line, then one `##sequence-region` per chrom that has bases."""
    regions = [f"##sequence-region {escape_seqid(c)} 1 {n}" for c, n in chromsizes.items() if n]
    return ["##gff-version 3", *regions]


def feature_line(
    *,
    chrom: str,
    source: str,
    feature_type: str,
    start: int,
    end: int,
    score: float | None,
    attributes: Iterable[tuple[str, str]],
) -> str:
    """One unstranded, phaseless feature from a 0-based half-open interval; score to 4 decimals."""
    columns = (
        escape_seqid(chrom),
        escape_column(source),
        escape_column(feature_type),
        str(start + 1),
        str(end),
        "." if score is None else f"{score:.4f}",
        ".",
        ".",
        ";".join(f"{escape_attribute(k)}={escape_attribute(v)}" for k, v in attributes),
    )
    return "\t".join(columns)


def escape_seqid(text: str) -> str:
    """Percent-encode a value of column 1."""
    return _NOT_IN_SEQID.sub(_percent, text)


def escape_column(text: str) -> str:
    """Percent-encode a value of columns 2 to 8."""
    return _NOT_IN_COLUMN.sub(_percent, text)


def escape_attribute(text: str) -> str:
    """Percent-encode a tag or a value of column 9."""
    return _NOT_IN_ATTRIBUTE.sub(_percent, text)


def _percent(match: re.Match) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())
