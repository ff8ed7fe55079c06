"""Indexing a genome: where its bases lie, how long its chroms are, where it has gaps."""

from collections.abc import Iterator
from os import PathLike

import numpy as np

from basewise.genome.fai import build_fai, check_chrom_size, write_fai
from basewise.genome.sequence import Genome, N
from basewise.intervals import runs_of, write_bed

BLOCK_BP = 8 << 20


def index_genome(
    fasta: str | PathLike,
    fai: str | PathLike,
    chromsizes: str | PathLike,
    gaps_bed: str | PathLike,
) -> None:
    """Write a FASTA file's index, its chrom lengths (two tab columns) and its gaps (BED).

    Args:
        fasta: A plain FASTA file with lines of one width.
        fai: The index to write, as samtools and pyfaidx read it; `<fasta>.fai` by custom.
        chromsizes: The lengths to write, in bp, in file order.
        gaps_bed: The gaps to write: every maximal run of N or IUPAC codes, of any length.

    Raises:
        BasewiseError: The file cannot be indexed, or a chrom is too long for a bigWig.
    """
    records = build_fai(fasta)
    for record in records:
        check_chrom_size(fasta, record.chrom, record.size_bp)
    write_fai(records, fai)
    with Genome(fasta) as genome:
        write_bed(((chrom, size) for chrom, size in genome.chromsizes.items()), chromsizes)
        write_bed(
            (
                (chrom, start, end)
                for chrom in genome.chromsizes
                for start, end in find_gaps(genome, chrom).tolist()
            ),
            gaps_bed,
        )


def find_gaps(genome: Genome, chrom: str) -> np.ndarray:
    """The maximal runs of N and IUPAC codes of a chrom, as intervals; int64 (n, 2)."""
    runs = list(_runs(genome, chrom))
    if not runs:
        return np.empty((0, 2), dtype=np.int64)
    runs = np.concatenate(runs)
    starts = np.append(True, runs[1:, 0] > runs[:-1, 1])  # runs may go on in the next block
    ends = np.append(starts[1:], True)
    return np.column_stack((runs[starts, 0], runs[ends, 1]))


def _runs(genome: Genome, chrom: str) -> Iterator[np.ndarray]:
    size = genome.chromsizes[chrom]
    for start in range(0, size, BLOCK_BP):
        bases = genome.read(chrom, start, min(start + BLOCK_BP, size))
        if len(runs := runs_of(bases == N, start)):
            yield runs
