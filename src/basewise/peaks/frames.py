"""Peaks in tables become a store: each is checked to lie on its chrom, in whatever order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike

import numpy as np
import pandas as pd
import pyarrow as pa

from basewise.atomic import scratch_directory
from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap
from basewise.peaks.dropped import DROPPED_NAME, no_dropped, write_dropped
from basewise.peaks.spill import RECORD, Spill
from basewise.peaks.store import NAMES, PeakStore
from basewise.peaks.store_writer import ScopeName, store_directory, write_chroms
from basewise.peaks.union import find_union, write_union


def write_store(
    frames: Iterable[pd.DataFrame | pa.Table],
    output: str | PathLike,
    *,
    chromsizes: Mapping[str, int],
    metadata: Mapping | None = None,
) -> PeakStore:
    """Write peaks that come in frames, in any order, as a store.

    Args:
        frames: tables with the columns chrom, start, end (bp, 0-based, half-open), and as they
            are there summit (bp; else the middle), score (else 0), experiment, target, biotype,
            modification (else "").
        output: the directory; one that exists is replaced.
        chromsizes: bp by chrom; the order of the store.
        metadata: JSON values to keep in the store.

    Raises:
        BasewiseError: no peak at all; a chrom that chromsizes lacks; a peak off its chrom.
    """
    chroms = {chrom: code for code, chrom in enumerate(chromsizes)}
    scopes: dict[ScopeName, int] = {}
    counts = np.zeros(0, dtype=np.int64)
    with store_directory(output) as folder, scratch_directory(output) as scratch:
        spill = Spill(scratch / "chroms")
        for frame in frames:
            codes, records = _records_of(frame, chroms, chromsizes, scopes)
            spill.append_by(codes, records)
            counts = np.pad(counts, (0, len(scopes) - len(counts)))
            counts += np.bincount(records["scope"], minlength=len(scopes))
        union: IntervalMap = {}

        def by_chrom() -> Iterator[tuple[str, np.ndarray]]:
            names = list(chromsizes)
            for code in spill.partitions:
                records = spill.load(code)
                union[names[code]] = find_union(records, chromsizes[names[code]])
                yield names[code], records

        write_chroms(folder, scratch, by_chrom(), list(scopes), counts, chromsizes, metadata or {})
        write_union(folder, union, chromsizes)
        write_dropped(no_dropped(chromsizes), folder / DROPPED_NAME)
    return PeakStore(output)


def _records_of(
    frame: pd.DataFrame | pa.Table,
    chroms: Mapping[str, int],
    chromsizes: Mapping[str, int],
    scopes: dict[ScopeName, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Chrom codes (n,) and records (n,) of a frame, whose new scopes are added to the others."""
    frame = frame.to_pandas() if isinstance(frame, pa.Table) else frame
    for name in ("chrom", "start", "end"):
        if name not in frame:
            raise BasewiseError("a frame of peaks lacks a column", found=f"no {name!r}")
    codes = _map_codes(frame["chrom"], lambda chrom: chroms.get(chrom, -1))
    if len(unknown := np.flatnonzero(codes < 0)):
        chrom = frame["chrom"].iloc[unknown[0]]
        raise BasewiseError("a peak lies on a chrom that the assembly lacks", found=repr(chrom))
    start, end = (frame[name].to_numpy(np.int64) for name in ("start", "end"))
    summit = frame["summit"].to_numpy(np.int64) if "summit" in frame else (start + end) // 2
    sizes = np.array(list(chromsizes.values()), dtype=np.int64)
    is_bad = (
        (start < 0) | (start >= end) | (end > sizes[codes]) | (summit < start) | (summit >= end)
    )
    if len(bad := np.flatnonzero(is_bad)):
        i = bad[0]
        raise BasewiseError(
            "a peak is not a stretch of its chrom that holds its summit",
            found=f"{frame['chrom'].iloc[i]}:{start[i]}-{end[i]}, summit {summit[i]}",
        )
    records = np.empty(len(frame), RECORD)
    records["start"], records["end"], records["summit"] = start, end, summit
    records["score"] = frame["score"].to_numpy(np.float32) if "score" in frame else 0
    names = [frame[name].astype(str) if name in frame else "" for name in NAMES]
    keys = pd.DataFrame(dict(zip(NAMES, names, strict=True)), index=frame.index)
    numbers = keys.groupby(list(NAMES), sort=False, observed=True).ngroup().to_numpy()
    _, firsts = np.unique(numbers, return_index=True)
    new = np.array(
        [scopes.setdefault(tuple(keys.iloc[i]), len(scopes)) for i in firsts], dtype=np.int32
    )
    records["scope"] = new[numbers] if len(new) else 0
    return codes, records


def _map_codes(names: pd.Series, code_of: Callable[[str], int]) -> np.ndarray:
    numbers, distinct = pd.factorize(names)
    return np.array([code_of(str(name)) for name in distinct], dtype=np.int64)[numbers]
