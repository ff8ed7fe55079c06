"""What kind of annotation a file is, by its name."""

from os import PathLike
from pathlib import Path

from basewise.errors import BasewiseError


def is_bed(path: str | PathLike) -> bool:
    """True for BED, False for GTF and GFF3, with `.gz` or `.bgz` or without; others are errors."""
    suffixes = [s.lower() for s in Path(path).suffixes if s.lower() not in (".gz", ".bgz")]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (".bed", ".gtf", ".gff", ".gff3"):
        raise BasewiseError(
            f"{path} is not known as an annotation file",
            found=f"suffix {suffix!r}",
            hint="Give .gtf, .gff, .gff3 or .bed, with or without .gz",
        )
    return suffix == ".bed"
