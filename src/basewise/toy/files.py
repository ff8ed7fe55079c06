"""Toy genomes on disk: FASTA, Ensembl-style GTF, ENCODE-style blacklist BED, ReMap-style peaks."""

import gzip
import os
from collections.abc import Iterable

import numpy as np

from basewise.atomic import atomic_path
from basewise.toy.genome import ToyGenome
from basewise.toy.peaks import PROTEINS, list_peaks

LINE_BP = 60


def write_toy_genome(
    toy: ToyGenome,
    fasta: str | os.PathLike,
    gtf: str | os.PathLike,
    blacklist_bed: str | os.PathLike | None = None,
) -> None:
    """Write a toy genome; names that end in ``.gz`` are gzipped (the same bytes every time)."""
    _write_text(fasta, _fasta(toy))
    _write_text(gtf, _gtf(toy))
    if blacklist_bed is not None:
        rows = ("\t".join(map(str, row)) + "\n" for row in toy.blacklist)
        _write_text(blacklist_bed, (row.encode() for row in rows))


def write_toy_binding(
    toy: ToyGenome,
    seed: int,
    *,
    sites_bed: str | os.PathLike,
    peaks_bed: str | os.PathLike,
    proteins: str | os.PathLike,
) -> None:
    """Write where factors bind, peaks as experiments see them, and the factors' proteins."""
    sites = [(*site[:4], 0, site.strand) for site in toy.sites]
    for path, rows in (
        (sites_bed, sites),
        (peaks_bed, list_peaks(toy.sites, toy.chromsizes, seed)),
    ):
        _write_text(path, (("\t".join(map(str, row)) + "\n").encode() for row in rows))
    _write_text(
        proteins, (f">{gene} toy factor\n{chain}\n".encode() for gene, chain in PROTEINS.items())
    )


def _fasta(toy: ToyGenome) -> Iterable[bytes]:
    for chrom, bases in toy.sequences.items():
        yield f">{chrom}\n".encode()
        n_whole = len(bases) // LINE_BP * LINE_BP
        lines = np.full((n_whole // LINE_BP, LINE_BP + 1), ord("\n"), dtype=np.uint8)
        lines[:, :LINE_BP] = bases[:n_whole].reshape(-1, LINE_BP)
        yield lines.tobytes()
        if n_whole < len(bases):
            yield bases[n_whole:].tobytes() + b"\n"


def _gtf(toy: ToyGenome) -> Iterable[bytes]:
    yield b"#!genome-build toy\n"
    exon_number = 0
    for record in toy.annotation:
        if record.type == "intron":
            continue
        attributes = f'gene_id "{record.gene}";'
        if record.type == "transcript" or record.phase >= 0 or record.type in _OF_TRANSCRIPT:
            attributes += f' transcript_id "{record.gene}.1";'
        exon_number = exon_number + 1 if record.type == "exon" else 0
        if exon_number:
            attributes += f' exon_number "{exon_number}";'
        attributes += ' gene_biotype "protein_coding";'
        phase = str(record.phase) if record.phase >= 0 else "."
        fields = (record.chrom, "toy", record.type, record.start + 1, record.end, ".")
        row = "\t".join(map(str, (*fields, record.strand, phase, attributes)))
        yield (row + "\n").encode()


_OF_TRANSCRIPT = {
    "exon",
    "five_prime_utr",
    "start_codon",
    "stop_codon",
    "three_prime_utr",
    "polyA_signal",
}


def _write_text(path: str | os.PathLike, chunks: Iterable[bytes]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as raw:
        if str(path).endswith(".gz"):
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream:
                stream.writelines(chunks)
        else:
            raw.writelines(chunks)
