"""The chroms on which tracks can be held against an annotation."""

import logging
from collections.abc import Iterable, Mapping
from os import PathLike

from basewise.genome.aliases import Aliases
from basewise.labels import find_annotated_chroms

logger = logging.getLogger(__name__)


def choose_chroms(
    annotation: str | PathLike,
    chromsizes: Mapping[str, int],
    aliases: Aliases = None,
    dropped: Iterable[str] = (),
) -> list[str]:
    """The chroms that an annotation has rows on; says how many bp of others are not scored.

    What a model finds on a chrom that was never annotated is not wrong. Arguments and errors are
    those of `read_annotation`.
    """
    chroms = find_annotated_chroms(annotation, chromsizes, aliases, dropped)
    scored = set(chroms)
    others = [chrom for chrom in chromsizes if chrom not in scored]
    if others:
        logger.warning(
            "%d of %d chroms (%d of %d bp) are not scored, because the annotation has no row on "
            "them: %s; 'evaluation_chroms' of the assemblies table can name them",
            len(others),
            len(chromsizes),
            sum(chromsizes[chrom] for chrom in others),
            sum(chromsizes.values()),
            ", ".join(others[:5]) + (", …" if len(others) > 5 else ""),
        )
    return chroms
