"""What the name of a peak says: experiment, target, biotype, in the layouts of ReMap.

    all    EXPERIMENT.TARGET.BIOTYPE     the biotype may hold dots
    nr     TARGET:biotype,biotype,…      a peak of each biotype
    crm    TARGET,TARGET,…               a peak of each target
    bed    columns of their own, joined here by tabs

Target and biotype may carry a modification behind an underscore (ESR1_S118ph, MCF-7_E2).
A catalogue of millions of rows has thousands of names, so only distinct ones are parsed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from basewise.errors import BasewiseError, nearest

LAYOUTS = {
    "all": "EXPERIMENT.TARGET.BIOTYPE",
    "nr": "TARGET:biotype,biotype…",
    "crm": "TARGET,TARGET…",
    "bed": "columns named in the configuration",
}
NAME_COLUMNS = ("experiment", "target", "biotype")


class Scope(NamedTuple):
    """Whose a peak is.

    Attributes:
        experiment: accession, "" where the layout names none.
        target: transcription factor, as written, with its modification.
        biotype: cell type or tissue, as written, with its modification; may be "".
        modification: what follows the first underscore of the target, and of the biotype; a
            comma between them where both carry one.
    """

    experiment: str
    target: str
    biotype: str
    modification: str = ""

    @property
    def name(self) -> str:
        """EXPERIMENT.TARGET.BIOTYPE, as ReMap names its data sets."""
        return f"{self.experiment}.{self.target}.{self.biotype}"

    @property
    def unmodified(self) -> "Scope":
        """The same without modifications."""
        return Scope(self.experiment, *(part.partition("_")[0] for part in self[1:3]))


def unmodified(name: str) -> str:
    """A target or biotype without what follows its first underscore."""
    return name.partition("_")[0] or name


def make_scope(experiment: str, target: str, biotype: str) -> Scope:
    """A scope with its modification read from target and biotype."""
    parts = [part.partition("_")[2] for part in (target, biotype)]
    return Scope(experiment, target, biotype, ",".join(filter(None, parts)))


def get_name_parser(
    layout: str,
    columns: Sequence[str] = (),
    constants: Mapping[str, str] | None = None,
) -> Callable[[str], list[Scope]]:
    """A function from a peak's name to its scopes, none for a name that does not fit.

    Args:
        layout: a key of LAYOUTS.
        columns: of layout bed: which of experiment, target and biotype the tab-joined name holds.
        constants: of layout bed: values of those that no column holds.
    """
    if layout not in LAYOUTS:
        raise BasewiseError(
            "a layout of peak names is not known",
            found=repr(layout),
            hint=nearest(layout, LAYOUTS),
        )
    if layout == "bed":
        return _bed_parser(tuple(columns), dict(constants or {}))
    return {"all": _parse_all, "nr": _parse_nr, "crm": _parse_crm}[layout]


def _parse_all(name: str) -> list[Scope]:
    parts = name.split(".", 2)
    return [make_scope(*parts)] if len(parts) == 3 and all(parts) else []


def _parse_nr(name: str) -> list[Scope]:
    target, colon, biotypes = name.partition(":")
    names = list(dict.fromkeys(biotypes.split(",")))
    if not target or not colon or not all(names):
        return []
    return [make_scope("", target, biotype) for biotype in names]


def _parse_crm(name: str) -> list[Scope]:
    targets = list(dict.fromkeys(name.split(",")))
    return [make_scope("", target, "") for target in targets] if all(targets) else []


def _bed_parser(columns: tuple[str, ...], constants: dict[str, str]) -> Callable:
    def parse(name: str) -> list[Scope]:
        parts = name.split("\t") if columns else ()
        values = constants | dict(zip(columns, parts, strict=True))
        scope = make_scope(*(values.get(column, "") for column in NAME_COLUMNS))
        return [scope] if scope.target else []

    return parse
