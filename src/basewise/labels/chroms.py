"""Which chroms an annotation tells something of."""

from collections.abc import Iterable, Mapping
from os import PathLike

from basewise.genome.aliases import Aliases
from basewise.genome.matching import match_names
from basewise.intervals.bed import read_bed_records
from basewise.labels.places import number_chroms
from basewise.labels.suffixes import is_bed
from basewise.labels.table import read_table


def find_annotated_chroms(
    path: str | PathLike,
    chromsizes: Mapping[str, int],
    aliases: Aliases = None,
    dropped: Iterable[str] = (),
) -> list[str]:
    """The chroms of the genome on which an annotation has a row of any type, in genome order.

    A chrom without one (a haplotype, a patch, a mitochondrion) was most likely not annotated, and
    tells nothing of what a model finds there. Arguments and errors are those of `read_annotation`.
    """
    if is_bed(path):
        names = dict.fromkeys(chrom for _, (chrom, *_) in read_bed_records(path))
        found = set(match_names(path, names, chromsizes, aliases, dropped=dropped).values())
        return [chrom for chrom in chromsizes if chrom in found]
    numbers = set(number_chroms(path, read_table(path, ()), chromsizes, aliases, dropped).tolist())
    return [chrom for i, chrom in enumerate(chromsizes) if i in numbers]
