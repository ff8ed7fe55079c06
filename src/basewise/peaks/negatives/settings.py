"""What negatives are wanted: kind, width, how many, what they must avoid; checked at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from basewise.errors import BasewiseError, nearest
from basewise.peaks.negatives.composition import FEATURES
from basewise.peaks.negatives.hard import SOURCES
from basewise.peaks.negatives.random import QUOTAS
from basewise.peaks.placing import CENTRES

KINDS = ("random", "matched", "scoped", "hard")
AVOID = ("catalogue", "peaks", "scope", "target", "blacklist", "gaps")
WHEN_SHORT = {
    "random": ("error",),
    "matched": ("error", "nearest"),
    "scoped": ("error", "fewer"),
    "hard": ("error", "fewer"),
}


@dataclass(frozen=True)
class NegativeSettings:
    """One set of negatives.

    Attributes:
        kind: "random": anywhere allowed. "matched": with the GC (and more) of the peaks.
            "scoped": per scope, not bound by its target in its biotype. "hard": per scope, peaks
            of others.
        width_bp: Width of the windows.
        n: How many; per scope for scoped and hard ones.
        per_peak: Or how many per peak (per peak of the scope).
        avoid: What they may not touch, of AVOID; None: catalogue, blacklist and gaps for random
            and matched ones, scope, blacklist and gaps for others. "catalogue" is all that the
            peaks were filtered from, "peaks" all of the targets and biotypes of which filters left
            some, those that they dropped too; of these, "scope" are the target's in the biotype,
            "target" the target's in any biotype.
        margin_bp: How far they stay from what they avoid.
        per_chrom: Quotas of chroms, for random ones; see `draw_random`. A mapping tells n.
        replace: Whether a window may come more than once (within a scope).
        when_short: "error", or where there are too few: "nearest" bins for matched ones, "fewer"
            for scopes.
        match: Of FEATURES, what matched ones share with the peaks.
        gc_bins, repeat_bins, step: See `Composition` and `draw_matched`.
        sources: Of SOURCES, whose peaks hard ones are.
        centre: What windows of peaks are centred on: "summit" or "middle".
    """

    kind: str
    width_bp: int
    n: int | None = None
    per_peak: float | None = None
    avoid: tuple[str, ...] | None = None
    margin_bp: int = 0
    per_chrom: str | Mapping[str, int] = "room"
    replace: bool = False
    when_short: str = "error"
    match: tuple[str, ...] = ("gc",)
    gc_bins: int = 20
    repeat_bins: int = 5
    step: int = 16
    sources: tuple[str, ...] = ("other_targets", "other_biotypes")
    centre: str = "summit"

    def __post_init__(self):
        _choose("kind", [self.kind], KINDS)
        default = ("scope" if self.is_scoped else "catalogue", "blacklist", "gaps")
        object.__setattr__(self, "avoid", tuple(default if self.avoid is None else self.avoid))
        _choose("avoid", self.avoid, AVOID)
        _choose("match", self.match, FEATURES)
        _choose("sources", self.sources, SOURCES)
        _choose("centre", [self.centre], CENTRES)
        _choose("when_short", [self.when_short], WHEN_SHORT[self.kind])
        if isinstance(self.per_chrom, str):
            _choose("per_chrom", [self.per_chrom], QUOTAS)
        else:
            self._take_quotas()
        if (self.n is None) == (self.per_peak is None):
            raise BasewiseError(
                f"{self.kind} negatives need n or per_peak, and not both",
                found=f"n {self.n}, per_peak {self.per_peak}",
            )
        for name, least in (("width_bp", 1), ("n", 0), ("per_peak", 0), ("margin_bp", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise BasewiseError(f"negatives/{name} must be {least} or more", found=value)
        if self.step < 1:
            raise BasewiseError("negatives/step must be 1 or more", found=self.step)
        self._check_avoid()

    def _take_quotas(self) -> None:
        """A mapping of chroms says by itself how many there are."""
        if self.kind != "random":
            raise BasewiseError(
                f"{self.kind} negatives have no quotas of chroms", hint="Leave out per_chrom"
            )
        total = sum(self.per_chrom.values())
        if self.per_peak is not None or self.n not in (None, total):
            raise BasewiseError(
                "negatives/per_chrom says how many random negatives there are",
                found=f"{total} in all, n {self.n}, per_peak {self.per_peak}",
                hint="Leave out n and per_peak",
            )
        object.__setattr__(self, "n", total)

    def _check_avoid(self) -> None:
        own = {"scope", "target"} & set(self.avoid)
        if self.is_scoped and not own:
            raise BasewiseError(
                f"{self.kind} negatives must avoid the peaks of their scope",
                found=f"negatives/avoid {', '.join(self.avoid) or 'nothing'}",
                hint="Add scope (or target, its peaks in every biotype)",
            )
        if not self.is_scoped and own:
            raise BasewiseError(
                f"{self.kind} negatives have no scope",
                found=f"negatives/avoid {', '.join(sorted(own))}",
                hint="Avoid catalogue or peaks, or choose kind scoped",
            )
        if self.kind == "hard" and {"catalogue", "peaks"} & set(self.avoid):
            raise BasewiseError(
                "hard negatives are peaks of others, so they cannot avoid all peaks",
                found=f"negatives/avoid {', '.join(self.avoid)}",
                hint="Choose kind scoped, or drop catalogue and peaks from negatives/avoid",
            )
        is_of_target = self.kind == "hard" and self.sources == ("other_biotypes",)
        if is_of_target and "target" in self.avoid:
            raise BasewiseError(
                "hard negatives of other_biotypes are peaks of the target",
                hint="Avoid scope instead of target, or add other_targets",
            )

    @property
    def is_scoped(self) -> bool:
        return self.kind in ("scoped", "hard")

    def count(self, n_peaks: int) -> int:
        """How many negatives go with so many peaks."""
        return self.n if self.n is not None else round(self.per_peak * n_peaks)


def _choose(key: str, values, legal) -> None:
    if not values and key != "avoid":
        raise BasewiseError(f"negatives/{key} is empty", hint=nearest("", legal))
    for value in values:
        if value not in legal:
            raise BasewiseError(
                f"negatives/{key} is not known", found=repr(value), hint=nearest(value, legal)
            )
