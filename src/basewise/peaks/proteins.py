"""Proteins of targets: a folder of FASTA files named GENE.ENTRY.fasta, or one FASTA of many.

A gene may have several proteins, of several species; one is chosen, always the same one.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.intervals import open_text
from basewise.peaks.genes import parse_gene_name

logger = logging.getLogger(__name__)

SUFFIXES = (".fasta", ".fa", ".faa", ".fas")
SPECIES = ("human", "mouse", "unknown")
LETTERS = re.compile(r"[A-Za-z]+\*?")
GENE_FIELD = re.compile(r"\bGN=(\S+)")


@dataclass(frozen=True)
class Protein:
    """A protein of a gene.

    Attributes:
        gene: name of the gene, as targets are named; case counts.
        entry: UniProt entry (CTCF_HUMAN), accession or open reading frame.
        sequence: amino acids in upper case.
        is_reviewed: whether its header says so (`>sp|`).
    """

    gene: str
    entry: str
    sequence: str
    is_reviewed: bool = False

    @property
    def species(self) -> str:
        """What follows the entry's last underscore, in lower case; "unknown" without one."""
        _, underscore, species = self.entry.rpartition("_")
        return species.lower() if underscore else "unknown"


class Proteins(Mapping[str, Protein]):
    """One protein by gene, and the proteins of targets."""

    def __init__(self, proteins: Sequence[Protein], species: Sequence[str] = SPECIES):
        """Of each gene, keep the best.

        Args:
            proteins: any number by gene.
            species: those that count, the best first; genes without one of them have no protein.
                Within a species, reviewed proteins come first, then longer ones, then by entry.
        """
        ranks = {name.lower(): rank for rank, name in enumerate(species)}

        def rank(protein: Protein) -> tuple:
            is_unreviewed = not protein.is_reviewed
            return ranks[protein.species], is_unreviewed, -len(protein.sequence), protein.entry

        ranked = sorted((p for p in proteins if p.species in ranks), key=rank)
        self._proteins = {protein.gene: protein for protein in reversed(ranked)}
        lacking = sorted({p.gene for p in proteins} - self._proteins.keys())
        if lacking:
            logger.warning(
                "%d genes have no protein of %s: %s",
                *(len(lacking), ", ".join(ranks), ", ".join(lacking[:5])),
            )

    def __getitem__(self, gene: str) -> Protein:
        return self._proteins[gene]

    def __iter__(self) -> Iterator[str]:
        return iter(self._proteins)

    def __len__(self) -> int:
        return len(self._proteins)

    def of(self, target: str) -> tuple[Protein, ...]:
        """The proteins of a target, several of a complex; none unless all are known."""
        genes = parse_gene_name(target, self._proteins)
        if not all(gene in self._proteins for gene in genes):
            return ()
        return tuple(self._proteins[gene] for gene in genes)

    @cached_property
    def by_entry(self) -> dict[str, Protein]:
        """The chosen proteins by entry."""
        return {protein.entry: protein for protein in self._proteins.values()}


def read_proteins(path: str | PathLike, species: Sequence[str] = SPECIES) -> Proteins:
    """Read the proteins of a folder of FASTA files, with the folders in it, or of one FASTA.

    A file of a folder is named GENE.ENTRY.fasta and holds one record. The records of a file of
    many name the gene and entry themselves: as UniProt does (`>sp|P49711|CTCF_HUMAN … GN=CTCF`),
    or by the first two words (`>ACS2 YLR153C …`). Files may be packed with gzip.

    Raises:
        BasewiseError: nothing there, a file's name without an entry, a record that is no protein.
    """
    path = Path(path)
    if not path.exists():
        raise BasewiseError(f"the proteins at {path} do not exist")
    if path.is_file():
        proteins = [_from_header(path, *record) for record in _read_fasta(path)]
    else:
        files = sorted(file for file in path.rglob("*") if _stem(file) is not None)
        proteins = [_from_file(file) for file in files]
    if not proteins:
        raise BasewiseError(
            f"{path} holds no protein", hint="Give files named GENE.ENTRY.fasta, or one FASTA"
        )
    chosen = Proteins(proteins, species)
    if not chosen:
        found = sorted({protein.species for protein in proteins})
        raise BasewiseError(
            f"no protein of {path} is of {', '.join(species)}", found=", ".join(found[:5])
        )
    return chosen


def read_chains(path: str | PathLike) -> tuple[str, ...]:
    """Return the amino acids of each record of a FASTA, in upper case: the chains of one protein.

    Raises:
        BasewiseError: no such file, no record, or one that is no protein.
    """
    path = Path(path)
    if not path.is_file():
        raise BasewiseError(f"the protein at {path} does not exist")
    chains = tuple(sequence for _, sequence, _ in _read_fasta(path))
    if not chains:
        raise BasewiseError(f"{path} holds no protein", found="no record")
    return chains


def _stem(path: Path) -> str | None:
    """A FASTA file's name without its suffixes; None of other files."""
    name = path.name.removesuffix(".gz")
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
    return name[: -len(suffix)] if suffix and path.is_file() else None


def _from_file(path: Path) -> Protein:
    gene, dot, entry = _stem(path).partition(".")
    if not (gene and dot and entry):
        raise BasewiseError(f"{path} does not name gene and entry", hint="Name it GENE.ENTRY.fasta")
    records = list(_read_fasta(path))
    if len(records) != 1:
        raise BasewiseError(f"{path} must hold one record", found=f"{len(records)} records")
    header, sequence, _ = records[0]
    return Protein(gene, entry, sequence, header.startswith("sp|"))


def _from_header(path: Path, header: str, sequence: str, line: int) -> Protein:
    words = header.split()
    if words and words[0].count("|") == 2:
        database, _, entry = words[0].split("|")
        field = GENE_FIELD.search(header)
        gene = field.group(1) if field else entry.partition("_")[0]
        return Protein(gene, entry, sequence, database == "sp")
    if not words:
        raise BasewiseError(f"{path} line {line} names no gene", found=repr(">" + header))
    return Protein(words[0], words[1] if len(words) > 1 else words[0], sequence)


def _read_fasta(path: Path) -> Iterator[tuple[str, str, int]]:
    """(header, sequence in upper case, line number of the header) of each record."""
    header, parts, first = None, [], 0
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            line = line.strip()
            if line.startswith(">"):
                if header is not None:
                    yield header, _join(path, parts, first), first
                header, parts, first = line[1:], [], number
            elif line and (header is None or not LETTERS.fullmatch(line)):
                raise BasewiseError(
                    f"{path} line {number} is no protein", found=_find_illegal(line)
                )
            else:
                parts.append(line)
    if header is not None:
        yield header, _join(path, parts, first), first


def _find_illegal(line: str) -> str:
    """What of a line is no amino acid, and where (counted from 1)."""
    body = line.removesuffix("*")
    place = next((i for i, c in enumerate(body) if not (c.isascii() and c.isalpha())), None)
    return repr(line[:60]) if place is None else f"{body[place]!r} at column {place + 1}"


def _join(path: Path, parts: list[str], line: int) -> str:
    sequence = "".join(parts).upper().removesuffix("*")
    if not sequence or "*" in sequence:
        raise BasewiseError(
            f"{path} line {line}: the record is no protein",
            found="a stop within it" if sequence else "no amino acid",
        )
    return sequence
