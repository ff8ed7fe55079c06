"""Which of our chroms the rows of an annotation file lie on."""

from collections.abc import Mapping
from os import PathLike

from basewise.genome.aliases import resolve_aliases
from basewise.intervals import open_text


def match_chroms(
    path: str | PathLike,
    chromsizes: Mapping[str, int],
    aliases: str | PathLike | None = None,
) -> dict[str, str]:
    """Map the chrom names of a GTF, GFF3 or BED file (plain or gzip) to those of the genome.

    Args:
        path: the annotation; its first tab column names chroms.
        chromsizes: chrom -> bp of the genome.
        aliases: a table of synonyms beside the built-in guesses.

    Returns:
        name in the file -> chrom; names that mean no chrom of the genome are left out.
    """
    names: dict[str, None] = {}
    with open_text(path) as stream:
        for line in stream:
            name, tab, _ = line.partition("\t")
            if tab and not line.startswith("#"):
                names[name] = None
    return resolve_aliases(names, chromsizes, aliases)
