"""Which of our chroms the chroms of a file are, and whether it is of this genome at all."""

import json
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.genome.aliases import Aliases, resolve_aliases


def match_names(
    path: str | PathLike,
    names: Iterable[str],
    chromsizes: Mapping[str, int],
    aliases: Aliases = None,
    *,
    dropped: Iterable[str] = (),
    is_sparse: bool = False,
) -> dict[str, str]:
    """Find the chrom that each name of a file means (`resolve_aliases`), at least one of them.

    Args:
        path: The file, for the error.
        names: Its chroms that have rows; without any there is nothing to refuse.
        chromsizes: Our chroms.
        aliases: A table of chrom names.
        dropped: Chroms that filters kept out of the genome. A file that names one of them is of
            this genome, though none of its rows may be left.
        is_sparse: The file may well have no row on any of our chroms (a blacklist and a FASTA of
            one chrom), so that it is enough if a name is of the same kind as one of ours.

    Returns:
        {name: chrom}, without those that mean none.

    Raises:
        BasewiseError: No name is a chrom of the genome, with some names of both sides.
    """
    names = list(names)
    rename = resolve_aliases(names, chromsizes, aliases)
    whole = dict(chromsizes) | dict.fromkeys(dropped, 0)
    if rename or not names or resolve_aliases(names, whole, aliases):
        return rename
    if is_sparse and {_kind(name) for name in names} & {_kind(chrom) for chrom in whole}:
        return rename
    raise BasewiseError(
        f"{path} names no chrom of the genome",
        found=f"{_first(names)}; the genome has {_first(chromsizes)}",
        hint="Is it of another assembly? If the names differ only, give a table of them "
        "(column 'aliases' of the assemblies table)",
    )


def read_dropped(record_json: str | PathLike) -> list[str]:
    """The chroms that filters kept out of a genome, from the record that `get_genome` wrote."""
    return json.loads(Path(record_json).read_text()).get("dropped", [])


def _kind(name: str) -> str:
    """What names of one kind share: chr before them, or the same letters around their numbers."""
    return "chr" if name.lower().startswith("chr") else re.sub("[0-9]+", "0", name)


def _first(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
