"""Where negatives may lie, and the report of how they came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.genome import Sequences
from basewise.intervals import IntervalMap, merge
from basewise.peaks.dropped import dropped_intervals
from basewise.peaks.negatives.allowed import AllowedStarts, find_allowed_starts
from basewise.peaks.negatives.settings import NegativeSettings
from basewise.peaks.negatives.source import Peaks

SHOWN = 5  # scopes named in a message


@dataclass
class NegativeReport:
    """How a set of negatives came out.

    Attributes:
        kind: Of the negatives.
        n: How many there are.
        width_bp: Width of the windows.
        room: Windows there were to choose from, for kinds without scopes.
        l1_distance: For matched ones, how far the shares of their bins are from the peaks'.
        short: For scopes that fell short, "EXPERIMENT.TARGET.BIOTYPE" → (got, wanted).
    """

    kind: str
    width_bp: int
    n: int = 0
    room: int | None = None
    l1_distance: float | None = None
    short: dict[str, tuple[int, int]] = field(default_factory=dict)

    def describe_short(self) -> str:
        """The first scopes that fell short, in words."""
        shown = [
            f"{name} {got} of {wanted}" for name, (got, wanted) in list(self.short.items())[:SHOWN]
        ]
        return ", ".join(shown) + (", …" if len(self.short) > SHOWN else "")


@dataclass(frozen=True)
class Ground:
    """Where negatives may lie.

    Attributes:
        chromsizes: Chrom lengths in bp.
        chroms: Chroms they may lie on; None for all.
        blacklist, gaps: chrom → intervals.
        sequences: The genome, to match GC or repeats.
        tss: chrom → sorted positions of gene starts, to match the distance to them.
    """

    chromsizes: Mapping[str, int]
    chroms: Sequence[str] | None = None
    blacklist: IntervalMap = field(default_factory=dict)
    gaps: IntervalMap = field(default_factory=dict)
    sequences: Sequences | None = None
    tss: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        chosen = tuple(self.chromsizes if self.chroms is None else dict.fromkeys(self.chroms))
        for chrom in chosen:
            if chrom not in self.chromsizes:
                raise BasewiseError(
                    f"the genome has no chrom {chrom!r}", hint=nearest(chrom, self.chromsizes)
                )
        object.__setattr__(self, "chroms", chosen)


def find_avoided(peaks: Peaks, ground: Ground, settings: NegativeSettings) -> IntervalMap:
    """What every negative avoids, whatever its scope: chrom → merged intervals."""
    maps = [getattr(ground, name) for name in ("blacklist", "gaps") if name in settings.avoid]
    if "catalogue" in settings.avoid:
        maps.append(peaks.catalogue())
    if "peaks" in settings.avoid:
        maps += [peaks.intervals(), dropped_intervals(peaks.dropped())]
    found = {}
    for chrom in ground.chroms:
        rows = [intervals[chrom] for intervals in maps if len(intervals.get(chrom, ()))]
        if rows:
            found[chrom] = merge(np.concatenate(rows))
    return found


def find_common_starts(peaks: Peaks, ground: Ground, settings: NegativeSettings) -> AllowedStarts:
    """Where a negative may start, its scope's own peaks aside."""
    return find_allowed_starts(
        ground.chromsizes,
        [find_avoided(peaks, ground, settings)],
        settings.width_bp,
        chroms=ground.chroms,
        margin_bp=settings.margin_bp,
    )
