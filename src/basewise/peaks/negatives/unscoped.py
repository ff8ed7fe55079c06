"""Negatives without a scope, random or matched, from peaks and ground to a table."""

import numpy as np
import pyarrow as pa

from basewise.peaks.negatives.composition import Composition
from basewise.peaks.negatives.ground import Ground, NegativeReport, find_common_starts
from basewise.peaks.negatives.matched import draw_matched
from basewise.peaks.negatives.random import draw_random
from basewise.peaks.negatives.seeds import derive_rng
from basewise.peaks.negatives.settings import NegativeSettings
from basewise.peaks.negatives.source import Peaks
from basewise.peaks.negatives.table import make_table
from basewise.peaks.placing import check_widths, place_windows


def draw_unscoped(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, seed: int, report: NegativeReport
) -> pa.Table:
    """Random or matched negatives; fills the report."""
    allowed = find_common_starts(peaks, ground, settings)
    report.room = allowed.n_starts
    n = settings.count(int(peaks.scopes()["n_peaks"].sum()))
    rng = derive_rng(seed, settings.kind)
    if settings.kind == "random":
        options = {"per_chrom": settings.per_chrom, "replace": settings.replace}
        ranks = draw_random(allowed, n, rng, **options)
    else:
        composition = Composition(
            settings.match,
            ground.sequences,
            ground.tss,
            gc_bins=settings.gc_bins,
            repeat_bins=settings.repeat_bins,
        )
        ranks, match = draw_matched(
            allowed,
            _composition_of(peaks, ground, composition, settings),
            n,
            rng,
            composition=composition,
            step=settings.step,
            replace=settings.replace,
            when_short=settings.when_short,
        )
        report.l1_distance = match.l1_distance
    report.n = len(ranks)
    return make_table(
        ground.chroms, *allowed.locate(ranks), width_bp=settings.width_bp, kind=settings.kind
    )


def _composition_of(
    peaks: Peaks, ground: Ground, composition: Composition, settings: NegativeSettings
) -> np.ndarray:
    """How many peaks' windows lie in each joint bin: int64 (bins,)."""
    counts = np.zeros(composition.n_codes + 1, dtype=np.int64)
    chroms = [chrom for chrom in peaks.chroms if chrom in ground.chroms]
    check_widths(chroms, ground.chromsizes, settings.width_bp)
    for chrom in chroms:
        rows = peaks.read(chrom=chrom, columns=("start", "end", "summit"))
        starts = place_windows(
            *(rows[name].to_numpy() for name in ("start", "end", "summit")),
            size_bp=ground.chromsizes[chrom],
            width_bp=settings.width_bp,
            centre=settings.centre,
        )
        codes = composition.codes(chrom, np.sort(starts), settings.width_bp)
        counts += np.bincount(codes, minlength=len(counts))
    return counts[:-1]
