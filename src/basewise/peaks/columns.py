"""What the columns of a peak file are: the roles that the row parser reads them for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.peaks.names import NAME_COLUMNS, get_name_parser

ROLES = ("skip", "chrom", "start", "end", "name", "score", "summit", "summit_offset")
SKIP, CHROM, START, END, NAME, SCORE, SUMMIT, SUMMIT_OFFSET = range(len(ROLES))
BED9 = ("chrom", "start", "end", "name", "score", "-", "summit")
BED_NAMES = ("chrom", "start", "end", *NAME_COLUMNS, "score", "summit", "summit_offset", "-")


@dataclass(frozen=True)
class PeakColumns:
    """The columns of a peak file, from the left.

    Attributes:
        layout: all, nr or crm (BED9 whose name column holds the scope, and thickStart the
            summit; the columns from the score on may be absent), or bed.
        columns: of layout bed, the name of each column: chrom, start, end, experiment, target,
            biotype, score, summit (bp), summit_offset (bp from start, as in narrowPeak; -1 for
            none), or "-" for one that is not read. Further columns of the file are not read.
        constants: of layout bed, the experiment, target or biotype that no column holds.
    """

    layout: str = "all"
    columns: Sequence[str] = ()
    constants: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        get_name_parser(self.layout)
        if self.layout != "bed":
            if self.columns or self.constants:
                raise BasewiseError(
                    f"the columns of layout {self.layout!r} are known",
                    found=f"columns {list(self.columns)}, constants {dict(self.constants)}",
                    hint="Name columns with layout 'bed' only",
                )
            return
        for name in self.columns:
            if name not in BED_NAMES:
                raise BasewiseError(
                    "a column of a peak file has an unknown name",
                    found=repr(name),
                    hint=nearest(name, BED_NAMES),
                )
            if name != "-" and list(self.columns).count(name) > 1:
                raise BasewiseError("two columns of a peak file bear one name", found=repr(name))
        for name in self.constants:
            if name not in NAME_COLUMNS or name in self.columns:
                raise BasewiseError(
                    "a constant of a peak file must be a name that no column holds",
                    found=repr(name),
                    hint=f"It may be one of {', '.join(NAME_COLUMNS)}",
                )
        given = {*self.columns, *self.constants}
        for name in ("chrom", "start", "end", "target"):
            if name not in given:
                raise BasewiseError(
                    "layout 'bed' needs to know more columns",
                    found=f"no {name!r} among {list(self.columns)}",
                    hint="Name the columns from the left, '-' for those not to be read",
                )
        if {"summit", "summit_offset"} <= given:
            raise BasewiseError("layout 'bed' takes a summit or a summit_offset, not both")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns) if self.layout == "bed" else BED9

    @property
    def n_needed(self) -> int:
        """The fewest columns that a file may have."""
        return len(self.names) if self.layout == "bed" else 4

    def roles(self, n_columns: int) -> np.ndarray:
        """The role of each of a file's columns: int8 (n_columns,)."""
        roles = np.zeros(n_columns, dtype=np.int8)
        for i, name in enumerate(self.names[:n_columns]):
            roles[i] = NAME if name in NAME_COLUMNS else ROLES.index(name) if name != "-" else SKIP
        return roles

    def get_parser(self):
        """The function from the name of a row to its scopes."""
        held = tuple(name for name in self.columns if name in NAME_COLUMNS)
        return get_name_parser(self.layout, held, self.constants)
