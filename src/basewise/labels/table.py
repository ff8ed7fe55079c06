"""The rows of an annotation file that matter for labels, as columns.

Knows how Ensembl, GENCODE, RefSeq and plain GTF and GFF3 files name types, ids and biotypes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError
from basewise.labels.elements import ELEMENTS
from basewise.labels.rows import RowBlock, hash_text, read_rows

# Kinds of rows. From FIRST_ELEMENT on: rows that stand for the element of that index themselves.
GENE, EXON, CODING, UTR5, UTR3, LINK, AMBIGUOUS = range(7)
FIRST_ELEMENT = 16

_TYPES = {
    "gene": GENE,
    "ncRNA_gene": GENE,
    "pseudogene": GENE,
    "exon": EXON,
    "noncoding_exon": EXON,
    "CDS": CODING,
    "stop_codon": CODING,
    "five_prime_utr": UTR5,
    "five_prime_UTR": UTR5,
    "5UTR": UTR5,
    "three_prime_utr": UTR3,
    "three_prime_UTR": UTR3,
    "3UTR": UTR3,
}
_WITH_OWNER = (EXON, CODING, UTR5, UTR3)
_OWN_KINDS = {"exon", "5UTR", "3UTR", "lncRNA"}  # names that already mean something else in files

CODING_BIOTYPE, LNC_BIOTYPE, OTHER_BIOTYPE, NO_BIOTYPE = range(4)
_BIOTYPES = {"protein_coding": CODING_BIOTYPE} | dict.fromkeys(
    (
        "lncRNA",
        "lincRNA",
        "lnc_RNA",
        "antisense",
        "antisense_RNA",
        "sense_intronic",
        "sense_overlapping",
        "bidirectional_promoter_lncRNA",
        "macro_lncRNA",
        "3prime_overlapping_ncRNA",
        "processed_transcript",
    ),
    LNC_BIOTYPE,
)
_BIOTYPE_KEYS = ("gene_biotype", "gene_type", "biotype")
_BARE_ID = re.compile(r"[^\s=;\"]+")
_CIRCULAR = b"Is_circular=true"  # of the row that is the chrom itself


ROW = np.dtype(
    [
        ("chrom", np.int32),  # index into the file's chrom names
        ("kind", np.uint8),
        ("biotype", np.uint8),
        ("is_minus", np.bool_),
        ("start", np.int64),  # bp, 0-based
        ("end", np.int64),
        ("owner", np.uint64),  # hash of the transcript's id; of a gene or LINK its own id
        ("parent", np.uint64),  # of a LINK: hash of the gene's id
        ("number", np.int64),  # line of the file
    ]
)


@dataclass(frozen=True)
class AnnotationTable:
    """What a file says: its chrom names, its rows of interest (ROW), how many rows it has.

    The names are of all rows, of interest or not, as they stand in the file and in its order;
    `circular` has the indices of those that a row of a GFF3 file calls circular.
    """

    names: list[str]
    rows: np.ndarray
    n_rows: int
    is_gff3: bool
    circular: frozenset[int]


def read_table(path: str | PathLike, elements: Sequence[str]) -> AnnotationTable:
    """Read a GTF or GFF3 file, plain or gzip.

    They are told apart by the form of the first attributes; rows before these, with `.` in their
    place, are taken as the file's suffix says.

    Args:
        path: the file.
        elements: which elements' own rows (type = name or Sequence Ontology term) to keep.

    Raises:
        BasewiseError: naming file and line, when a row is not nine columns with whole numbers
            1 <= start <= end.
    """
    kinds = _hash_keys(_TYPES | _element_types(elements))
    names: dict[int, int] = {}
    decoded: list[str] = []
    parts: list[np.ndarray] = []
    circular: set[int] = set()
    n_rows, is_gff3, is_known = 0, ".gtf" not in Path(path).name.lower(), False
    for block in read_rows(path):
        if not len(block):
            continue
        n_rows += len(block)
        if not is_known:
            is_gff3, is_known = _tell_format(block, is_gff3)
        starts, ends = _read_positions(path, block)
        kind = _look_up(block.hashes(block.column(2)), kinds, LINK if is_gff3 else 255)
        kept = kind != 255
        rows, kind = block.take(kept), kind[kept]
        unique, first, inverse = np.unique(
            block.hashes(block.column(0)), return_index=True, return_inverse=True
        )
        for i in np.argsort(first).tolist():
            if int(unique[i]) not in names:
                names[int(unique[i])] = len(decoded)
                decoded.append(block.decode(*(int(edge[first[i]]) for edge in block.column(0))))
        codes = np.array([names[int(key)] for key in unique], dtype=np.int32)
        if is_gff3:
            circular |= {int(codes[inverse[i]]) for i in block.rows_with(_CIRCULAR)}
        table = np.zeros(len(rows), dtype=ROW)
        table["chrom"] = codes[inverse[kept]]
        table["kind"], table["number"] = kind, rows.numbers
        table["start"], table["end"] = starts[kept] - 1, ends[kept]
        table["is_minus"] = rows.is_minus()
        table["biotype"] = NO_BIOTYPE
        genes = np.flatnonzero(kind == GENE)
        table["biotype"][genes] = _read_biotypes(rows.take(genes), "=" if is_gff3 else " ")
        read_owners = _read_gff3_owners if is_gff3 else _read_gtf_owners
        parts.append(read_owners(rows, table))
    if not n_rows:
        raise BasewiseError(f"{path} has no rows", hint="Give a GTF or GFF3 file with genes")
    return AnnotationTable(decoded, np.concatenate(parts), n_rows, is_gff3, frozenset(circular))


def _tell_format(block: RowBlock, is_gff3: bool) -> tuple[bool, bool]:
    """Whether a file is GFF3, by its first row that has attributes, and whether there was one."""
    starts, ends = block.column(8)
    is_told = (ends > starts) & ~((ends - starts == 1) & (block.text[starts] == ord(".")))
    if not is_told.any():
        return is_gff3, False
    i = int(np.argmax(is_told))
    attributes = block.decode(int(starts[i]), int(ends[i]))
    return re.match(r"\s*[^\s=\"]+=", attributes) is not None, True


def _element_types(elements: Sequence[str]) -> dict[str, int]:
    """Types that name an element themselves; a term that two wanted elements share is ambiguous."""
    types: dict[str, int] = {}
    for index, element in enumerate(ELEMENTS):
        if element.name not in _OWN_KINDS:
            types[element.name] = FIRST_ELEMENT + index
    wanted = [(i, e) for i, e in enumerate(ELEMENTS) if e.name in elements]
    for index, element in wanted:
        n_sharing = sum(other.so_term == element.so_term for _, other in wanted)
        for term in (element.so_term, element.so_id):
            types[term] = FIRST_ELEMENT + index if n_sharing == 1 else AMBIGUOUS
    return {name: kind for name, kind in types.items() if name not in _TYPES}


def _hash_keys(values: dict[str, int]) -> dict[int, int]:
    return {int(hash_text(text)): value for text, value in values.items()}


def _look_up(hashes: np.ndarray, values: dict[int, int], default: int) -> np.ndarray:
    """Value of each hash: uint8 (n,)."""
    unique, inverse = np.unique(hashes, return_inverse=True)
    found = [values.get(key, default) for key in unique.tolist()]
    return np.array(found, dtype=np.uint8)[inverse]


def _read_positions(path: str | PathLike, block: RowBlock) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = block.integers(3), block.integers(4)
    bad = np.flatnonzero((starts < 1) | (ends < starts))
    if len(bad):
        i = int(bad[0])
        shown = [block.decode(*(int(edge[i]) for edge in block.column(c))) for c in (3, 4)]
        raise BasewiseError(
            f"{path} line {block.numbers[i]} has no valid start and end",
            found=f"{shown[0]!r} and {shown[1]!r}",
            hint="Expected whole numbers with 1 <= start <= end",
        )
    return starts, ends


def _read_biotypes(genes: RowBlock, separator: str) -> np.ndarray:
    values = _hash_keys(_BIOTYPES)
    out = np.full(len(genes), NO_BIOTYPE, dtype=np.uint8)
    for key in _BIOTYPE_KEYS:
        spans = genes.attributes(key + separator)
        found = _look_up(genes.hashes(spans), values, OTHER_BIOTYPE)
        out = np.where((out == NO_BIOTYPE) & (spans[1] > spans[0]), found, out)
    return out


def _read_gtf_owners(rows: RowBlock, table: np.ndarray) -> np.ndarray:
    """Owners by transcript_id and gene_id; coding rows are repeated as LINK rows."""
    owned = np.flatnonzero(np.isin(table["kind"], _WITH_OWNER))
    table["owner"][owned] = _read_ids(rows.take(owned), "transcript_id ")
    genes = np.flatnonzero(table["kind"] == GENE)
    table["owner"][genes] = _read_gene_ids(rows.take(genes))
    coding = np.flatnonzero(table["kind"] == CODING)
    links = table[coding]
    links["kind"] = LINK
    links["parent"] = _read_ids(rows.take(coding), "gene_id ")
    return np.append(table, links)


def _read_gff3_owners(rows: RowBlock, table: np.ndarray) -> np.ndarray:
    """Owners by ID and Parent; a row with several parents is repeated for each."""
    own_id = _read_ids(rows, "ID=")
    commas = np.flatnonzero(rows.text == ord(","))
    index, starts, ends = rows.split(rows.attributes("Parent="), commas)
    parent = rows.hashes((starts, ends))
    table = table[index]
    is_owned, is_link = np.isin(table["kind"], _WITH_OWNER), table["kind"] == LINK
    table["owner"] = np.where(is_owned, parent, own_id[index])
    table["parent"] = np.where(is_link, parent, np.uint64(0))
    return table[~is_link | ((table["owner"] != 0) & (table["parent"] != 0))]


def _read_gene_ids(genes: RowBlock) -> np.ndarray:
    """Hashes of gene_id, or of all of column 9 where that is a bare id, as AUGUSTUS writes them."""
    ids = _read_ids(genes, "gene_id ")
    others = np.flatnonzero(ids == 0)
    starts, ends = (edge[others] for edge in genes.column(8))
    texts = map(genes.decode, starts.tolist(), ends.tolist())
    is_bare = [text != "." and _BARE_ID.fullmatch(text) is not None for text in texts]
    ids[others] = genes.take(others).hashes((np.where(is_bare, starts, ends), ends))
    return ids


def _read_ids(rows: RowBlock, key: str) -> np.ndarray:
    return rows.hashes(rows.attributes(key))
