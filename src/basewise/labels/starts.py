"""Where genes start: the transcription start sites of an annotation's genes."""

from collections.abc import Mapping
from os import PathLike

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome.aliases import Aliases
from basewise.labels import table as t
from basewise.labels.places import place_on_genome


def read_gene_starts(
    path: str | PathLike, chromsizes: Mapping[str, int], aliases: Aliases = None
) -> dict[str, np.ndarray]:
    """The first base of every gene, in the direction of its strand, from a GTF or GFF3 file.

    Args:
        path: GTF or GFF3, plain or gzip.
        chromsizes: chrom -> bp of the genome; rows on other chroms are left out with one warning.
        aliases: see `read_annotation`.

    Returns:
        chrom -> distinct, sorted int64 (n,) positions (0-based), every chrom of the genome.

    Raises:
        BasewiseError: a malformed row, a gene past its chrom's end, a file without genes.
    """
    rows = place_on_genome(path, t.read_table(path, ()), chromsizes, aliases)
    genes = rows[rows["kind"] == t.GENE]
    if not len(genes):
        raise BasewiseError(f"{path} has no gene", hint="Gene starts need rows of type gene")
    first = np.where(genes["is_minus"], genes["end"].astype(np.int64) - 1, genes["start"])
    first %= np.array(list(chromsizes.values()), dtype=np.int64)[genes["chrom"]]  # circular ones
    return {
        chrom: np.unique(first[genes["chrom"] == code].astype(np.int64))
        for code, chrom in enumerate(chromsizes)
    }
