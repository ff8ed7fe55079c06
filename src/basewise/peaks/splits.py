"""Which windows train, and which are kept to validate and to test: by chrom, target, biotype.

Every window has three roles: that of its chrom, of its target and of its biotype, each train,
valid or test. All three train: the window trains. Otherwise the split is named after what is new
about the window, so that each kind of generalisation is measured alone and together:

    chrom  target  biotype   split
    train  train   train     train
    valid  train   train     valid
    test   train   train     test_chrom
    train  test    train     test_target
    train  train   test      test_biotype
    test   test    train     test_target_chrom, and so on; valid_target … likewise
    a valid and a test role  in no split: what chooses a model may not share a target, biotype
                             or chrom with what judges it

No window of train shares a chrom, a target or a biotype with a split named after it. A target is
held out with its modified forms (ESR1 with ESR1_S118ph) and with complexes that it is part of
(PAX3 with PAX3-FOXO1), a biotype with its modified forms (MCF-7 with MCF-7_E2). Negatives have the
target and biotype of their scope, and follow them.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import pandas as pd

from basewise.errors import BasewiseError, nearest
from basewise.peaks.genes import parse_gene_name

TRAIN, VALID, TEST, BOTH = range(4)  # BOTH: a complex of one that validates and one that tests
UNUSED = "unused"
AXES = ("target", "biotype", "chrom")  # in the order in which they name a split


def name_split(target: int, biotype: int, chrom: int) -> str:
    """The split of a window by the roles of its target, biotype and chrom; see the module."""
    roles = (target, biotype, chrom)
    if BOTH in roles or (VALID in roles and TEST in roles):
        return UNUSED
    new = [axis for axis, role in zip(AXES, roles, strict=True) if role != TRAIN]
    if not new:
        return "train"
    if max(roles) == VALID:
        return "valid" if new == ["chrom"] else "_".join(["valid", *new])
    return "_".join(["test", *new])


@dataclass(frozen=True)
class SplitRules:
    """What is held out. Chroms, targets and biotypes that are not named train."""

    valid_chroms: tuple[str, ...] = ()
    test_chroms: tuple[str, ...] = ()
    valid_targets: tuple[str, ...] = ()
    test_targets: tuple[str, ...] = ()
    valid_biotypes: tuple[str, ...] = ()
    test_biotypes: tuple[str, ...] = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                raise BasewiseError(f"splits/{field.name} is a list of names", found=repr(value))
            object.__setattr__(self, field.name, tuple(map(str, value)))
        for axis in ("chroms", "targets", "biotypes"):
            keys = _KEYS[axis]
            valid, test = (
                {part for name in getattr(self, f"{side}_{axis}") for part in keys(name)}
                for side in ("valid", "test")
            )
            if both := sorted(valid & test):
                raise BasewiseError(
                    f"splits/valid_{axis} and splits/test_{axis} hold the same {axis}",
                    found=", ".join(both),
                )

    @property
    def names(self) -> list[str]:
        """The splits that windows may come to be in, train first."""
        sides = [
            {TRAIN}
            | {
                role
                for role, side in enumerate(("", "valid", "test"))
                if role and getattr(self, f"{side}_{axis}s")
            }
            for axis in AXES
        ]
        found = dict.fromkeys(name_split(*roles) for roles in product(*map(sorted, sides)))
        return [name for name in found if name != UNUSED]

    def check(
        self, chroms: Collection[str], targets: Collection[str], biotypes: Collection[str]
    ) -> None:
        """Raise a BasewiseError for a name held out that there is none of."""
        known = {"chroms": chroms, "targets": targets, "biotypes": biotypes}
        for field in fields(self):
            axis = field.name.partition("_")[2]
            keys = _KEYS[axis]
            legal = {part for name in known[axis] for part in keys(name)}
            for name in getattr(self, field.name):
                if not legal & set(keys(name)):
                    raise BasewiseError(
                        f"splits/{field.name} names {name!r}, which no window has",
                        hint=nearest(name, known[axis]),
                    )

    def chrom_roles(self, chroms: Iterable[str]) -> np.ndarray:
        """The role of every chrom: int8 (n,)."""
        return _roles(chroms, self.valid_chroms, self.test_chroms, _self)

    def target_roles(self, targets: Iterable[str]) -> np.ndarray:
        """The role of every target: int8 (n,)."""
        return _roles(targets, self.valid_targets, self.test_targets, _parts_of)

    def biotype_roles(self, biotypes: Iterable[str]) -> np.ndarray:
        """The role of every biotype: int8 (n,)."""
        return _roles(biotypes, self.valid_biotypes, self.test_biotypes, _unmodified)


def assign_splits(windows: pd.DataFrame, rules: SplitRules) -> pd.Categorical:
    """The split of every window, by its chrom, target and biotype; UNUSED for those in none.

    Args:
        windows: With columns chrom, target and biotype, text or categories.
        rules: What is held out.

    Returns:
        A Categorical (n,) with the categories `[*rules.names, UNUSED]`.
    """
    roles = []
    for column, find in (
        ("target", rules.target_roles),
        ("biotype", rules.biotype_roles),
        ("chrom", rules.chrom_roles),
    ):
        codes, names = pd.factorize(windows[column])
        roles.append(find(names)[codes])
    categories = [*rules.names, UNUSED]
    table = np.array(
        [
            categories.index(name) if name in categories else len(categories) - 1
            for name in (name_split(*triple) for triple in product(range(4), repeat=3))
        ],
        dtype=np.int8,
    )
    codes = table[roles[0] * 16 + roles[1] * 4 + roles[2]]
    return pd.Categorical.from_codes(codes, categories=categories)


def count_splits(windows: pd.DataFrame, by: Sequence[str] = ("split", "kind")) -> pd.DataFrame:
    """How many windows there are of every split and kind: the columns and n."""
    groups = windows.groupby(list(by), observed=True, sort=False).size()
    return groups.rename("n").reset_index()


def _roles(
    names: Iterable[str],
    valid: Collection[str],
    test: Collection[str],
    keys: Callable[[str], list[str]],
) -> np.ndarray:
    """The role of every name: int8 (n,); BOTH where its parts differ in how they are held out."""
    parts = {
        role: {part for name in held for part in keys(name)}
        for role, held in ((VALID, valid), (TEST, test))
    }
    found = []
    for name in names:
        own = set(keys(name))
        found.append(sum(role for role, held in parts.items() if own & held))
    return np.array(found, dtype=np.int8)


def _self(name: str) -> list[str]:
    return [name]


def _unmodified(name: str) -> list[str]:
    return [name.partition("_")[0] or name]


def _parts_of(target: str) -> list[str]:
    """The genes of a target, and its whole name."""
    return list(dict.fromkeys([*_unmodified(target), *parse_gene_name(target)]))


_KEYS = {"chroms": _self, "targets": _parts_of, "biotypes": _unmodified}
