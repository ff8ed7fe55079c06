"""Annotation files (GTF, GFF3, BED; plain or gzip) as disjoint intervals of each element."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome.aliases import Aliases
from basewise.genome.matching import match_names
from basewise.intervals import IntervalMap, merge
from basewise.intervals.bed import known_records, read_bed_records
from basewise.labels import genes
from basewise.labels import table as t
from basewise.labels.elements import ELEMENT_NAMES, get_element
from basewise.labels.places import cut_at_origins, place_on_genome
from basewise.labels.suffixes import is_bed

logger = logging.getLogger(__name__)


def read_annotation(
    path: str | PathLike,
    elements: Sequence[str],
    chromsizes: Mapping[str, int],
    aliases: Aliases = None,
    dropped: Iterable[str] = (),
) -> dict[str, IntervalMap]:
    """Read where each element lies.

    Genes, exons, introns, splice sites and UTRs come from gene tables; an intron is a gap of at
    least 10 bp between exons of a transcript, a splice donor its first and an acceptor its last
    2 bp in transcript direction. Every element may also be given by rows of its own, whose GFF
    type, or whose BED name, is the element's name or (GTF, GFF3) its Sequence Ontology term.

    Args:
        path: ``.gtf``, ``.gff``, ``.gff3`` or ``.bed``, with ``.gz`` or ``.bgz`` or without.
        elements: names of the elements wanted.
        chromsizes: chrom -> bp of the genome; rows on other chroms are left out with one warning.
        aliases: rows of synonyms of chrom names, or a file of them; chr1, 1 and I are told without.
        dropped: chroms that filters kept out of the genome; the file may have rows on these alone.

    Returns:
        element -> chrom -> int64 (n, 2) bp, 0-based half-open, sorted, disjoint, joined where they
        touch. Every element asked for and every chrom of the genome has an entry.

    Raises:
        BasewiseError: unknown element or suffix; a malformed row (file, line, what was found); an
            interval past the end of its chrom; no chrom of the file is in the genome.
    """
    for element in elements:
        get_element(element)
    began = time.perf_counter()
    read = _read_bed_labels if is_bed(path) else _read_gene_table
    stretches, n_rows = read(path, elements, chromsizes, aliases, dropped)
    labels = {element: _by_chrom(*stretches[element], chromsizes) for element in elements}
    seconds = time.perf_counter() - began
    logger.info("%s: %d rows in %.1f s (%.0f rows/s)", path, n_rows, seconds, n_rows / seconds)
    absent = [e for e in elements if not any(len(iv) for iv in labels[e].values())]
    if absent:
        logger.warning("%s has no interval of: %s", path, ", ".join(absent))
    return labels


def _read_gene_table(
    path: str | PathLike,
    elements: Sequence[str],
    chromsizes: Mapping[str, int],
    aliases: Aliases,
    dropped: Iterable[str],
) -> tuple[dict[str, genes.Stretches], int]:
    table = t.read_table(path, elements)
    rows = place_on_genome(path, table, chromsizes, aliases, dropped)
    if n_ambiguous := int((rows["kind"] == t.AMBIGUOUS).sum()):
        logger.warning(
            "%s: %d rows left out, whose type several elements share (enhancer, promoter); "
            "use the element's name as the type",
            path,
            n_ambiguous,
        )
    introns = genes.find_introns(rows)
    find = {
        "protein_coding_gene": lambda: genes.find_genes(rows, t.CODING_BIOTYPE),
        "lncRNA": lambda: genes.find_genes(rows, t.LNC_BIOTYPE),
        "exon": lambda: _rows_of(rows, t.EXON),
        "intron": lambda: introns[:3],
        "splice_donor": lambda: genes.find_splice_sites(introns, is_donor=True),
        "splice_acceptor": lambda: genes.find_splice_sites(introns, is_donor=False),
        "5UTR": lambda: genes.find_utrs(rows, is_five_prime=True),
        "3UTR": lambda: genes.find_utrs(rows, is_five_prime=False),
    }
    stretches = {}
    for element in elements:
        own = _rows_of(rows, t.FIRST_ELEMENT + ELEMENT_NAMES.index(element))
        implied = find[element]() if element in find else ()
        stretches[element] = tuple(
            np.concatenate(pair) for pair in zip(own, implied or own, strict=True)
        )
    return stretches, table.n_rows


def _rows_of(rows: np.ndarray, kind: int) -> genes.Stretches:
    chosen = rows["kind"] == kind
    return rows["chrom"][chosen], rows["start"][chosen], rows["end"][chosen]


def _read_bed_labels(
    path: str | PathLike,
    elements: Sequence[str],
    chromsizes: Mapping[str, int],
    aliases: Aliases,
    dropped: Iterable[str],
) -> tuple[dict[str, genes.Stretches], int]:
    rank = {chrom: i for i, chrom in enumerate(chromsizes)}
    found: dict[str, list[tuple[int, int, int]]] = {element: [] for element in elements}
    others: dict[str, int] = {}
    n_rows = 0
    names = dict.fromkeys(chrom for _, (chrom, *_) in read_bed_records(path))
    rename = match_names(path, names, chromsizes, aliases, dropped=dropped)
    for number, (chrom, start, end, *columns) in known_records(path, chromsizes, rename):
        n_rows += 1
        if not columns:
            raise BasewiseError(
                f"{path} line {number} names no element",
                found="three columns",
                hint=f"The fourth column of a label BED is one of: {', '.join(ELEMENT_NAMES)}",
            )
        name = columns[0]
        if name in found:
            found[name].append((rank[chrom], start, end))
        elif name not in ELEMENT_NAMES:
            others[name] = others.get(name, 0) + 1
    if others:
        logger.warning(
            "%s: %d rows left out, whose name is no element: %s",
            path,
            sum(others.values()),
            ", ".join(list(others)[:5]),
        )
    columns_of = {
        element: tuple(np.array(rows, dtype=np.int64).reshape(-1, 3).T)
        for element, rows in found.items()
    }
    return columns_of, n_rows


def _by_chrom(
    chrom: np.ndarray, start: np.ndarray, end: np.ndarray, chromsizes: Mapping[str, int]
) -> IntervalMap:
    chrom, start, end = cut_at_origins(chrom, start, end, chromsizes)
    order = np.argsort(chrom, kind="stable")
    bounds = np.searchsorted(chrom[order], np.arange(len(chromsizes) + 1))
    intervals = np.column_stack((start, end))[order]
    return {
        name: merge(intervals[low:high])
        for name, low, high in zip(chromsizes, bounds[:-1], bounds[1:], strict=True)
    }
