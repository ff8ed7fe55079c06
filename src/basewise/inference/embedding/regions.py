"""What to embed: whole records or the regions of a BED file, either strand, as tokens."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from basewise.errors import BasewiseError
from basewise.genome import Sequences, reverse_complement
from basewise.intervals import read_bed_records
from basewise.tiling import check_regions
from basewise.tokenizers import Tokenizer

N = ord("N")
STRAND_COLUMN = 2  # of those after chrom, start, end


class Region(NamedTuple):
    """One sequence to embed; strand "-" is read as the reverse complement."""

    chrom: str
    start: int
    end: int
    strand: str
    name: str

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start}-{self.end}({self.strand})"


@dataclass(frozen=True)
class Tokens:
    """A sequence as tokens, CLS first.

    Attributes:
        ids: int32 (L,).
        starts, ends: int64 (L,) bp from the first base read; CLS spans none.
        is_letter: bool (L,), the token stands for bases that are known: neither CLS nor N.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    is_letter: np.ndarray


def whole_records(chromsizes: Mapping[str, int]) -> list[Region]:
    """Return every record as one region of its forward strand."""
    return [Region(chrom, 0, size, "+", chrom) for chrom, size in chromsizes.items()]


def as_regions(intervals: Iterable[tuple], chromsizes: Mapping[str, int]) -> list[Region]:
    """Return (chrom, start, end) or (chrom, start, end, strand) as regions.

    Raises:
        BasewiseError: a region that is empty or not inside its chrom, or an unknown strand.
    """
    regions = [
        Region(chrom, start, end, *(_strand(*strand), f"{chrom}:{start}-{end}"))
        for chrom, start, end, *strand in intervals
    ]
    check_regions([region[:3] for region in regions], chromsizes)
    return regions


def read_regions(bed: str | os.PathLike, chromsizes: Mapping[str, int]) -> list[Region]:
    """Return the regions of a BED file in its order: name from column 4, strand from column 6.

    Raises:
        BasewiseError: a line that is no BED, whose region is empty or not inside its chrom, or
            whose strand is none; or no line at all. Lines are named.
    """
    regions = []
    for number, (chrom, start, end, *more) in read_bed_records(bed):
        try:
            check_regions([(chrom, start, end)], chromsizes)
            strand = _strand(*more[STRAND_COLUMN : STRAND_COLUMN + 1])
        except BasewiseError as error:
            raise BasewiseError(f"{bed} line {number}: {error}") from None
        name = more[0] if more and more[0] not in ("", ".") else f"{chrom}:{start}-{end}"
        regions.append(Region(chrom, start, end, strand, name))
    if not regions:
        raise BasewiseError(f"{bed} names no region")
    return regions


def read_bases(sequences: Sequences, region: Region) -> np.ndarray:
    """Return uint8 (bp,) of a region in its own direction."""
    bases = sequences.read(region.chrom, region.start, region.end)
    return reverse_complement(bases) if region.strand == "-" else bases


def tokenize(tokenizer: Tokenizer, bases: np.ndarray) -> Tokens:
    """Return the tokens of upper-case A, C, G, T, N.

    Raises:
        BasewiseError: another letter, with its position.
    """
    ids, starts = tokenizer.tokenize_with_spans(bases)
    starts = starts.astype(np.int64)
    ends = np.append(starts[1:], bases.size)
    is_letter = ends > starts
    is_letter[is_letter] &= bases[starts[is_letter]] != N
    return Tokens(ids, starts, ends, is_letter)


def locate(region: Region, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 (L,) start and end of each token on the chrom, whatever the strand."""
    if region.strand == "-":
        return region.end - tokens.ends, region.end - tokens.starts
    return region.start + tokens.starts, region.start + tokens.ends


def _strand(text: str = ".") -> str:
    if text not in ("+", "-", ".", ""):
        raise BasewiseError("a strand is '+', '-' or '.'", found=repr(text))
    return "-" if text == "-" else "+"
