"""Scoped negatives: windows anywhere that one target does not bind in one biotype.

Where a target binds is what any experiment saw of it, in any of its modified forms (ESR1 binds
where ESR1_S118ph does). Biotypes are taken as written: MCF-7_E2 is not MCF-7.
"""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from basewise.intervals import IntervalMap
from basewise.peaks.negatives.allowed import AllowedStarts, find_allowed_starts
from basewise.peaks.negatives.source import NAMES, Peaks


def scopes_of(peaks: Peaks) -> pd.DataFrame:
    """experiment, target, biotype and n_peaks, a row each, by target, biotype, experiment."""
    scopes = peaks.scopes().astype(dict.fromkeys(NAMES, str))
    scopes = scopes.groupby(list(NAMES), sort=False)["n_peaks"].sum().reset_index()
    return scopes.sort_values(["target", "biotype", "experiment"], ignore_index=True)


def unmodified(name: str) -> str:
    """A target or biotype without what follows its first underscore."""
    return name.partition("_")[0] or name


def scopes_with_peaks(
    peaks: Peaks, *, in_any_biotype: bool = False
) -> Iterator[tuple[pd.DataFrame, IntervalMap]]:
    """Yield the scopes of each (target, biotype), and where the target binds there.

    Args:
        peaks: The peaks of all scopes.
        in_any_biotype: Where it binds in any biotype, instead.
    """
    scopes = scopes_of(peaks)
    forms: dict[tuple, list[str]] = {}
    for target, biotype in dict.fromkeys(zip(scopes["target"], scopes["biotype"], strict=True)):
        forms.setdefault((unmodified(target), None if in_any_biotype else biotype), [])
        forms[unmodified(target), None if in_any_biotype else biotype].append(target)
    for (target, biotype), group in scopes.groupby(["target", "biotype"], sort=False):
        where = None if in_any_biotype else biotype
        yield group, peaks.intervals(target=set(forms[unmodified(target), where]), biotype=where)


def allowed_by_scope(
    peaks: Peaks,
    base: IntervalMap,
    width_bp: int,
    *,
    chromsizes: Mapping[str, int],
    chroms: Sequence[str],
    margin_bp: int = 0,
    in_any_biotype: bool = False,
) -> Iterator[tuple[pd.DataFrame, AllowedStarts]]:
    """Yield the scopes of each (target, biotype) and where their negatives may start.

    Args:
        peaks: The peaks of all scopes.
        base: What every scope avoids besides its own peaks, chrom → merged intervals.
        width_bp: Width of the windows.
        chromsizes: Chrom lengths in bp.
        chroms: The chroms that negatives may lie on.
        margin_bp: See `find_allowed_starts`.
        in_any_biotype: Avoid the target's peaks of every biotype.
    """
    for group, own in scopes_with_peaks(peaks, in_any_biotype=in_any_biotype):
        allowed = find_allowed_starts(
            chromsizes, [base, own], width_bp, chroms=chroms, margin_bp=margin_bp
        )
        yield group, allowed
