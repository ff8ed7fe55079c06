"""Chrom names of other files: which of our chroms chr1, 1, I, MT or NC_000001.11 is."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike

from basewise.errors import BasewiseError
from basewise.intervals import open_text

Synonyms = tuple[str, ...]
Aliases = str | PathLike | Sequence[Synonyms] | None  # a table of them, its rows, or none

MITOCHONDRION = {"m", "mt", "mito", "mtdna", "mitochondrion", "mitochondria"}
CHLOROPLAST = {"c", "pt", "chloroplast", "plastid"}
ROMAN = re.compile("(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})")  # to 89


def read_aliases(path: str | PathLike) -> list[Synonyms]:
    """Read a table of chrom names: tab columns, each row the names of one chrom.

    The UCSC `chromAlias.txt` is such a table. Rows that start with `#` and empty cells are
    skipped. A name in two rows is a BasewiseError with the line number.
    """
    rows: list[Synonyms] = []
    seen: dict[str, int] = {}
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            names = tuple(dict.fromkeys(filter(None, map(str.strip, line.split("\t")))))
            if not names or line.startswith("#"):
                continue
            for name in names:
                if name in seen:
                    raise BasewiseError(
                        f"{path} line {number} repeats a name of line {seen[name]}",
                        found=repr(name),
                        hint="Each row holds all names of one chrom",
                    )
                seen[name] = number
            rows.append(names)
    return rows


def resolve_aliases(
    names: Iterable[str],
    chromsizes: Mapping[str, int],
    table: Aliases = None,
) -> dict[str, str]:
    """Find the chrom that each name means; names that mean none are left out.

    A name is looked up as it is, then in the table, then by the habits of naming: with or
    without `chr`, in upper or lower case, M, MT or Mito, Roman or Arabic numbers. A guess that
    fits two chroms (hg19 has chrM and chrMT) is no guess. Names may be a few of many: chrXII alone
    is 12.

    Args:
        names: The names of another file.
        chromsizes: Our chroms.
        table: Rows of synonyms, or the path of a file of them (see `read_aliases`).

    Returns:
        {name: chrom}.
    """
    if table is None:
        table = ()
    rows = read_aliases(table) if isinstance(table, str | PathLike) else table
    from_table = {
        name: chrom for row in rows for chrom in row if chrom in chromsizes for name in row
    }
    names = list(names)
    roman = _roman_names([*chromsizes, *names])
    guesses = defaultdict(set)
    for chrom in chromsizes:
        guesses[_key(chrom, roman)].add(chrom)
    resolved = {}
    for name in names:
        guess = guesses.get(_key(name, roman), set())
        if name in chromsizes:
            resolved[name] = name
        elif name in from_table:
            resolved[name] = from_table[name]
        elif len(guess) == 1:
            resolved[name] = next(iter(guess))
    return resolved


def _bare(name: str) -> str:
    """A name in lower case without `chr` or `chromosome` before it."""
    return re.sub(r"^(chromosome|chrom|chr)[_\s]*(?=.)", "", name.lower())


def _key(name: str, roman: set[str]) -> str:
    """What names of the same chrom have in common."""
    bare = _bare(name)
    if bare in roman:
        return str(_from_roman(bare))
    if bare in MITOCHONDRION:
        return "mitochondrion"
    if bare in CHLOROPLAST:
        return "chloroplast"
    return re.sub("^0+(?=[0-9])", "", bare)


def _roman_names(names: Iterable[str]) -> set[str]:
    """The bare names, ours and theirs together, that are Roman numbers.

    One letter is a number beside its neighbour only: X is ten beside IX or XI (yeast), and a sex
    chromosome beside V (worm) or 22 (human).
    """
    numbers = {bare: _from_roman(bare) for bare in map(_bare, names) if ROMAN.fullmatch(bare)}
    numbers.pop("", None)
    found = set(numbers.values())
    return {
        bare
        for bare, number in numbers.items()
        if len(bare) > 1 or {number - 1, number + 1} & found
    }


def _from_roman(bare: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[c] for c in bare]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
