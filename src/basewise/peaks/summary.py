"""What a peak store and its negatives hold: tables of targets and biotypes, widths and GC."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.genome import Sequences
from basewise.intervals import IntervalMap, merge
from basewise.peaks.filters import overlaps
from basewise.peaks.negatives.composition import IS_BASE, IS_GC, count_in_windows
from basewise.peaks.placing import place_windows
from basewise.peaks.store import PeakStore

PEAK = "peak"
SUMMARY_COLUMNS = (
    "target",
    "biotype",
    "n_experiments",
    "n_peaks",
    "covered_bp",
    "width_p05",
    "width_median",
    "width_p95",
    "n_blacklisted",
    "gc_mean",
)
DISTRIBUTION_COLUMNS = ("quantity", "kind", "low", "high", "n")
GC_EDGES = np.linspace(0, 1, 51)
NO_INTERVALS = np.empty((0, 2), np.int64)
WIDTH_EDGES = np.unique(np.round(2 ** (np.arange(0, 97) / 4)).astype(np.int64))


@dataclass
class _Totals:
    """What is added up over chroms, for each (target, biotype) by its number."""

    n_groups: int
    covered_bp: np.ndarray = field(init=False)
    n_blacklisted: np.ndarray = field(init=False)
    gc_sum: np.ndarray = field(init=False)
    n_gc: np.ndarray = field(init=False)
    widths: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self):
        self.covered_bp = np.zeros(self.n_groups, np.int64)
        self.n_blacklisted = np.zeros(self.n_groups, np.int64)
        self.gc_sum = np.zeros(self.n_groups)
        self.n_gc = np.zeros(self.n_groups, np.int64)


def summarise_peaks(
    peaks: PeakStore | str | os.PathLike,
    negatives: Mapping[str, str | os.PathLike],
    genome: Sequences,
    *,
    summary_tsv: str | os.PathLike,
    distributions_tsv: str | os.PathLike,
    width_bp: int,
    centre: str = "summit",
    blacklist: IntervalMap | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Describe peaks by target and biotype, and how negatives compare with them.

    Chroms pass one at a time: memory holds the bases of one and its peaks.

    Args:
        peaks: A peak store or its path.
        negatives: kind → Parquet file of its windows.
        genome: The assembly's bases.
        summary_tsv: A row per target and biotype: n_experiments, n_peaks, covered_bp (bases in at
            least one of its peaks), quantiles of the width in bp, n_blacklisted (peaks that touch
            the blacklist), gc_mean (of the windows around its peaks).
        distributions_tsv: Histograms: quantity (width_bp, gc), kind (peak, or a kind of
            negatives), low and high (a bin holds low <= x < high, the last of gc also 1), n.
        width_bp: Width of the windows around peaks, and of the negatives.
        centre: What those windows are centred on, "summit" or "middle".
        blacklist: Intervals by chrom.

    Returns:
        The two tables.

    Raises:
        BasewiseError: No store, negatives of another width, or a chrom that the genome lacks.
    """
    if not isinstance(peaks, PeakStore):
        peaks = PeakStore(peaks)
    scopes = peaks.scopes()
    grouped = scopes.groupby(["target", "biotype"], sort=True)
    group_of, n_groups = grouped.ngroup().to_numpy(), grouped.ngroups
    totals = _Totals(n_groups)
    starts_of = {kind: _read_starts(path, width_bp) for kind, path in negatives.items()}
    gc = {kind: np.zeros(len(GC_EDGES) - 1, np.int64) for kind in (PEAK, *negatives)}
    chroms = dict.fromkeys([*peaks.chroms, *(c for s in starts_of.values() for c in s)])
    for chrom in chroms:
        if chrom not in genome.chromsizes:
            raise BasewiseError(f"the genome lacks chrom {chrom}, which has peaks or negatives")
        bases = genome.read(chrom, 0, genome.chromsizes[chrom])
        _add_chrom(totals, peaks, chrom, group_of, (blacklist or {}).get(chrom, NO_INTERVALS))
        if len(bases) >= width_bp:
            groups, shares = _peak_gc(peaks, chrom, group_of, bases, width_bp, centre)
            totals.gc_sum += np.bincount(groups, shares, minlength=n_groups)
            totals.n_gc += np.bincount(groups, minlength=n_groups)
            gc[PEAK] += np.histogram(shares, GC_EDGES)[0]
        for kind, starts in starts_of.items():
            if chrom in starts:
                shares = _gc(bases, starts[chrom], width_bp)
                gc[kind] += np.histogram(shares[~np.isnan(shares)], GC_EDGES)[0]
    widths = _join_widths(totals.widths)
    summary = _tabulate(grouped, totals, widths)
    distributions = _list_histograms(widths, gc)
    for table, path in ((summary, summary_tsv), (distributions, distributions_tsv)):
        with atomic_path(path) as temporary:
            table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    return summary, distributions


def _read_starts(path: str | os.PathLike, width_bp: int) -> dict[str, np.ndarray]:
    """The starts of negatives by chrom, sorted."""
    table = pq.read_table(path, columns=["chrom", "start", "end"]).to_pandas()
    widths = (table["end"] - table["start"]).unique()
    if len(widths) and (len(widths) > 1 or widths[0] != width_bp):
        raise BasewiseError(
            f"{path} holds windows of another width",
            found=f"{', '.join(map(str, sorted(widths)[:5]))} bp, not {width_bp} bp",
        )
    groups = table.groupby("chrom", observed=True, sort=False)["start"]
    return {str(chrom): np.sort(starts.to_numpy(np.int64)) for chrom, starts in groups}


def _add_chrom(
    totals: _Totals, peaks: PeakStore, chrom: str, group_of: np.ndarray, blacklist: np.ndarray
) -> None:
    """Add coverage, widths and blacklisted peaks of one chrom."""
    arrays = peaks.read_arrays(chrom, ("start", "end", "scope"))
    start, end = arrays["start"].astype(np.int64), arrays["end"].astype(np.int64)
    group = group_of[arrays["scope"]]
    # every group on a stretch of its own, with a base between, so that one merge does for all
    stride = peaks.chromsizes[chrom] + 1
    union = merge(np.column_stack((start + group * stride, end + group * stride)))
    np.add.at(totals.covered_bp, union[:, 0] // stride, union[:, 1] - union[:, 0])
    touches = overlaps(start, end, blacklist)
    totals.n_blacklisted += np.bincount(group[touches], minlength=totals.n_groups)
    frame = pd.DataFrame({"group": group, "width": end - start})
    totals.widths.append(frame.value_counts(sort=False).rename("n").reset_index())


def _peak_gc(
    peaks: PeakStore, chrom: str, group_of: np.ndarray, bases: np.ndarray, width_bp: int, centre
) -> tuple[np.ndarray, np.ndarray]:
    """(group, share of G and C) of the windows around the peaks of a chrom that hold a base."""
    arrays = peaks.read_arrays(chrom, ("start", "end", "summit", "scope"))
    starts = place_windows(
        arrays["start"],
        arrays["end"],
        arrays["summit"],
        size_bp=len(bases),
        width_bp=width_bp,
        centre=centre,
    )
    order = np.argsort(starts, kind="stable")
    shares = _gc(bases, starts[order], width_bp)
    held = ~np.isnan(shares)
    return group_of[arrays["scope"][order]][held], shares[held]


def _gc(bases: np.ndarray, starts: np.ndarray, width_bp: int) -> np.ndarray:
    """The share of G and C among the bases of windows, sorted by start; NaN without any."""
    n_gc = count_in_windows(bases, IS_GC, starts, width_bp)
    n_bases = count_in_windows(bases, IS_BASE, starts, width_bp)
    return np.divide(n_gc, n_bases, out=np.full(len(starts), np.nan), where=n_bases > 0)


def _join_widths(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Peaks by group and width, sorted by both: columns group, width, n."""
    joined = pd.concat([pd.DataFrame(columns=["group", "width", "n"], dtype=np.int64), *tables])
    return joined.groupby(["group", "width"], as_index=False)["n"].sum()


def _tabulate(grouped, totals: _Totals, widths: pd.DataFrame) -> pd.DataFrame:
    table = grouped.agg(n_experiments=("experiment", "nunique"), n_peaks=("n_peaks", "sum"))
    table = table.reset_index()
    table["covered_bp"] = totals.covered_bp
    table["n_blacklisted"] = totals.n_blacklisted
    table["gc_mean"] = np.divide(
        totals.gc_sum, totals.n_gc, out=np.full(len(table), np.nan), where=totals.n_gc > 0
    )
    for name, share in (("width_p05", 0.05), ("width_median", 0.5), ("width_p95", 0.95)):
        table[name] = _quantiles(widths, share).reindex(table.index).to_numpy()
    return table[list(SUMMARY_COLUMNS)]


def _quantiles(widths: pd.DataFrame, share: float) -> pd.Series:
    """The smallest width that at least a share of the group's peaks does not exceed, by group."""
    counts = widths.groupby("group")["n"]
    reached = counts.cumsum() >= share * counts.transform("sum")
    return widths[reached].groupby("group")["width"].first()


def _list_histograms(widths: pd.DataFrame, gc: Mapping[str, np.ndarray]) -> pd.DataFrame:
    by_width = np.histogram(widths["width"], WIDTH_EDGES, weights=widths["n"])[0].astype(np.int64)
    tables = [
        pd.DataFrame({"quantity": quantity, "kind": kind, "low": low, "high": high, "n": counts})
        for quantity, kind, edges, counts in (
            ("width_bp", PEAK, WIDTH_EDGES, by_width),
            *(("gc", kind, GC_EDGES, counts) for kind, counts in gc.items()),
        )
        for low, high in [(edges[:-1], edges[1:])]
    ]
    table = pd.concat(tables, ignore_index=True)
    is_shown = (table["n"] > 0) | (table["quantity"] == "gc")
    return table.loc[is_shown, list(DISTRIBUTION_COLUMNS)].reset_index(drop=True)
