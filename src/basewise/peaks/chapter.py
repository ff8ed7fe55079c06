"""The chapter `peaks` of a configuration, as the settings of the functions that it steers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from basewise.errors import BasewiseError, nearest
from basewise.peaks.columns import PeakColumns
from basewise.peaks.filters import PeakFilters
from basewise.peaks.negatives import KINDS, NegativeSettings
from basewise.peaks.splits import SplitRules

Made = TypeVar("Made")


@dataclass(frozen=True)
class PeaksChapter:
    """What the chapter says, each part checked by its own type.

    Attributes:
        columns: What the columns of the catalogue are.
        filters: Which peaks are kept.
        negatives: Settings by kind.
        rules: What is held out.
    """

    columns: PeakColumns
    filters: PeakFilters
    negatives: Mapping[str, NegativeSettings]
    rules: SplitRules

    @classmethod
    def read(cls, chapter: Mapping) -> "PeaksChapter":
        """The chapter of a complete configuration.

        Raises:
            BasewiseError: Values that do not go together, or an unknown kind of negatives.
        """
        for kind in chapter["negatives"]:
            if kind not in KINDS:
                raise BasewiseError(
                    "config key 'peaks/negatives' names an unknown kind of negatives",
                    found=repr(kind),
                    hint=nearest(kind, KINDS),
                )
        return cls(
            _explain("peaks", lambda: make_columns(chapter)),
            _explain("peaks/filters", lambda: make_filters(chapter["filters"])),
            {
                kind: _explain(
                    f"peaks/negatives/{kind}",
                    lambda kind=kind, own=own: make_negatives(kind, own, chapter["windows"]),
                )
                for kind, own in chapter["negatives"].items()
            },
            _explain("peaks/splits", lambda: SplitRules(**chapter["splits"])),
        )


def make_columns(chapter: Mapping) -> PeakColumns:
    """The columns of the catalogue, from the chapter's layout, columns and constants."""
    return PeakColumns(chapter["layout"], chapter["columns"], chapter["constants"])


def make_filters(filters: Mapping) -> PeakFilters:
    """The filters of `peaks/filters`; the blacklist is a file and handed over apart."""
    return PeakFilters(**{key: value for key, value in filters.items() if key != "blacklist"})


def make_negatives(kind: str, settings: Mapping, windows: Mapping) -> NegativeSettings:
    """The settings of `peaks/negatives/{kind}` with the width and centre of `peaks/windows`."""
    own = {
        key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()
    }
    return NegativeSettings(kind=kind, **windows, **own)


def _explain(key: str, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except BasewiseError as error:
        raise BasewiseError(f"config section '{key}': {error}") from None
