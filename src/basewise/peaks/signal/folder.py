"""All bigWigs of an assembly: checked together, binned side by side, listed in one table."""

import logging
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from basewise.atomic import atomic_path
from basewise.calling.pool import map_in_processes
from basewise.errors import BasewiseError
from basewise.genome.aliases import resolve_aliases
from basewise.intervals import read_bed_records, read_chromsizes
from basewise.peaks.signal.binned import BinnedSignal
from basewise.peaks.signal.convert import bin_bigwig, match_chroms
from basewise.peaks.signal.loci import OFF_GRID, read_loci, snap_to_grid
from basewise.peaks.signal.table import Signal, read_signals
from basewise.tracks.bigwig.blocks import BigWigBlocks

logger = logging.getLogger(__name__)


def bin_signals(
    table: str | os.PathLike,
    folder: str | os.PathLike,
    loci: str | os.PathLike,
    output: str | os.PathLike,
    *,
    chromsizes: str | os.PathLike,
    assembly: str | None = None,
    biotype: str = "cell_class",
    resolution_bp: int = 128,
    statistic: str = "mean",
    off_grid: str = "exact",
    aliases: str | os.PathLike | None = None,
    processes: int = 1,
) -> pd.DataFrame:
    """Bin every bigWig of a table and list them, with what they hold at the loci.

    All files are opened and compared with the assembly before the first is binned. Bins lie in
    `bins/` beside the output, and those that are there and still fit are kept.

    Args:
        table, folder, assembly, biotype: As in `read_signals`.
        loci: BED of equal windows, chrom, start, end and at will a split (see `read_loci`).
        output: The signals.tsv to write: name, target, biotype, bins (path of the map, relative
            to the table), bigwig (likewise), n_loci, missing (share of the loci's bins without a
            value), mean and max over their bins with one.
        chromsizes: Chrom lengths of the assembly.
        resolution_bp, statistic: As in `bin_bigwig`.
        off_grid: "error" refuses loci off the grid; with "snap" and "exact" the columns about
            loci speak of the bins that hold them.
        aliases: A table of chrom names beside the built-in guesses.
        processes: bigWigs to bin side by side. Each process takes about 100 MB.

    Raises:
        BasewiseError: As those functions; a bigWig that lacks a chrom of the loci; several
            signals at fault are named together.
    """
    sizes = read_chromsizes(chromsizes)
    signals = read_signals(table, folder, assembly=assembly, biotype=biotype)
    names = dict.fromkeys(record[0] for _, record in read_bed_records(loci))
    rename = resolve_aliases(names, sizes, aliases)
    windows = read_loci(loci, sizes, resolution_bp=resolution_bp, rename=rename)
    _check_grid(windows, loci, resolution_bp, off_grid)
    chroms = [chrom for chrom in sizes if chrom in set(windows["chrom"])]
    _check_signals(signals, sizes, chroms, aliases)
    output = Path(output)
    maps = output.parent / "bins"
    settings = {"resolution_bp": resolution_bp, "statistic": statistic, "aliases": aliases}
    job = partial(_bin_one, folder=maps, chromsizes=sizes, loci=windows, settings=settings)
    rows = []
    for signal, (is_new, numbers) in zip(
        signals, map_in_processes(job, signals, processes), strict=True
    ):
        logger.info("%s: %s", signal.name, "binned" if is_new else "bins kept")
        rows.append(
            {
                "name": signal.name,
                "target": signal.target,
                "biotype": signal.biotype,
                "bins": f"bins/{signal.name}.npy",
                "bigwig": os.path.relpath(signal.path, output.parent),
            }
            | numbers
        )
    signals_table = pd.DataFrame(rows)
    with atomic_path(output) as temporary:
        signals_table.to_csv(
            temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n"
        )
    return signals_table


def _check_grid(
    loci: pd.DataFrame, path: str | os.PathLike, resolution_bp: int, off_grid: str
) -> None:
    off = np.flatnonzero(loci["start"] % resolution_bp)
    if off_grid not in OFF_GRID:
        raise BasewiseError("unknown value of 'off_grid'", found=repr(off_grid))
    if off_grid == "error" and len(off):
        row = loci.iloc[int(off[0])]
        raise BasewiseError(
            f"{path}: {len(off)} of {len(loci)} loci are off the grid of {resolution_bp} bp bins",
            found=f"{row['chrom']}:{row['start']}-{row['end']}",
            hint="Set off_grid to snap or exact",
        )


def _check_signals(
    signals: list[Signal], chromsizes: dict[str, int], chroms: list[str], aliases
) -> None:
    """Raise one BasewiseError for all bigWigs that cannot be used."""
    faults = []
    for signal in signals:
        try:
            with BigWigBlocks(signal.path) as bigwig:
                known = match_chroms(bigwig, chromsizes, aliases)
            lacking = [chrom for chrom in chroms if chrom not in known]
            if lacking:
                raise BasewiseError(
                    f"{signal.path} has no chrom {', '.join(lacking)}, where loci are",
                    hint="Leave out those loci, or the bigWig",
                )
        except BasewiseError as error:
            faults.append(str(error))
    if faults:
        others = f" And {len(faults) - 1} other bigWigs cannot be used." if faults[1:] else ""
        for fault in faults[1:]:
            logger.error("%s", fault)
        raise BasewiseError(f"signal cannot be used: {faults[0]}.{others}")


def _bin_one(
    signal: Signal, *, folder: Path, chromsizes: dict[str, int], loci: pd.DataFrame, settings: dict
) -> tuple[bool, dict]:
    path = folder / f"{signal.name}.npy"
    is_new = bin_bigwig(signal.path, path, chromsizes, **settings)
    return is_new, _describe(BinnedSignal(path), loci)


def _describe(signal: BinnedSignal, loci: pd.DataFrame) -> dict:
    """What a signal holds at the loci, from the bins that hold them."""
    width_bp = int(loci["end"].iloc[0] - loci["start"].iloc[0])
    starts = snap_to_grid(loci["start"].to_numpy(), signal.resolution_bp)
    firsts = signal.first_bins(loci["chrom"].to_numpy(dtype=str), starts, width_bp)
    n_bins, n_missing, total, highest = width_bp // signal.resolution_bp, 0, 0.0, -np.inf
    for first in firsts.tolist():
        values = signal.bins[first : first + n_bins]
        values = values[~np.isnan(values)]
        n_missing += n_bins - len(values)
        total += float(values.sum(dtype=np.float64))
        highest = max(highest, float(values.max(initial=-np.inf)))
    n_held = n_bins * len(firsts) - n_missing
    return {
        "n_loci": len(loci),
        "missing": n_missing / (n_bins * len(firsts)),
        "mean": total / n_held if n_held else np.nan,
        "max": highest if n_held else np.nan,
    }
