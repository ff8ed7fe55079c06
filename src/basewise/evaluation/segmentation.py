"""Probability tracks against an annotation, base by base, in one pass over the bigWigs."""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from basewise.atomic import atomic_path
from basewise.calling.pool import map_in_processes
from basewise.calling.runs import RunCaller
from basewise.calling.settings import resolve_setting
from basewise.calling.windows import WINDOW_BP, iter_chroms, load_blacklist
from basewise.errors import BasewiseError
from basewise.evaluation.counts import ElementCounts
from basewise.evaluation.segments import SegmentCounts, count_segments
from basewise.intervals import IntervalMap, mask_of, merge, runs_of
from basewise.labels.elements import ELEMENTS

logger = logging.getLogger(__name__)

_NO_INTERVALS = np.empty((0, 2), dtype=np.int64)


def evaluate_segmentation(
    bigwigs: Mapping[str, str | os.PathLike],
    labels: Mapping[str, IntervalMap],
    chromsizes: Mapping[str, int],
    *,
    thresholds: Mapping[str, float],
    output_tsv: str | os.PathLike,
    chroms: Iterable[str] | None = None,
    blacklist: IntervalMap | str | Path | None = None,
    output_curves: str | os.PathLike | None = None,
    processes: int = 1,
    window_bp: int = WINDOW_BP,
) -> pd.DataFrame:
    """Compare each element's track with its labels; write and return one row per track.

    Unscored and blacklisted bases are left out. A track whose element has no labelled base on
    `chroms` (default: all of `chromsizes`) has n_positive 0 and empty metrics. Columns: element,
    those of `ElementCounts.finalize`, n_segments (label intervals without a base left out) and
    segment_recall (their fraction that one run of called bases matches, at least half of each).
    `output_curves` receives the precision-recall curves: element, threshold, precision, recall.

    Raises BasewiseError for a misspelt element or chrom, a threshold or probability outside
    [0, 1], an unreadable bigWig.
    """
    chroms = list(chromsizes if chroms is None else chroms)
    for chrom in chroms:
        if chrom not in chromsizes:
            raise BasewiseError(
                "A chrom to evaluate is not in the genome",
                found=repr(chrom),
                hint=f"Chroms of the genome: {', '.join(list(chromsizes)[:20])}.",
            )
    threshold_of = resolve_setting(
        "thresholds",
        thresholds,
        bigwigs,
        known=[element.name for element in ELEMENTS],
        minimum=0.0,
        maximum=1.0,
    )
    count = partial(
        _count_track,
        chromsizes={chrom: chromsizes[chrom] for chrom in chroms},
        left_out=load_blacklist(blacklist, chromsizes),
        window_bp=window_bp,
    )
    jobs = [
        (path, threshold_of[element], labels.get(element, {})) for element, path in bigwigs.items()
    ]
    counts = dict(zip(bigwigs, map_in_processes(count, jobs, processes), strict=True))
    table = pd.DataFrame(
        [
            {"element": element} | bases.finalize() | segments.finalize()
            for element, (bases, segments) in counts.items()
        ]
    )
    _write_tsv(table, output_tsv)
    if output_curves is not None:
        _write_tsv(
            _curves({element: bases for element, (bases, _) in counts.items()}), output_curves
        )
    logger.info("Evaluated %d elements on %d chroms", len(table), len(chroms))
    return table


def _count_track(
    job: tuple[str | os.PathLike, float, IntervalMap],
    *,
    chromsizes: dict[str, int],
    left_out: IntervalMap,
    window_bp: int,
) -> tuple[ElementCounts, SegmentCounts]:
    """Count the bases and the segments of one (bigWig, threshold, labels)."""
    path, threshold, labels = job
    bases, segments = ElementCounts(threshold), SegmentCounts()
    for chrom, windows in iter_chroms(path, chromsizes, left_out=left_out, window_bp=window_bp):
        truth = merge(labels.get(chrom, _NO_INTERVALS))
        caller = RunCaller(threshold=threshold)
        not_scored = [_NO_INTERVALS]
        for start, probs in windows:
            try:
                bases.update(probs, mask_of(truth, start, start + len(probs)))
            except BasewiseError as error:
                raise BasewiseError(f"{path}: {chrom}:{start}: {error}") from None
            caller.update(probs)
            not_scored.append(runs_of(np.isnan(probs), offset=start))
        calls, _ = caller.finish()
        segments += count_segments(truth, calls, merge(np.concatenate(not_scored)))
    return bases, segments


def _curves(counts: Mapping[str, ElementCounts]) -> pd.DataFrame:
    columns = ["threshold", "precision", "recall"]
    tables = [pd.DataFrame(columns=["element", *columns])]
    for element, bases in counts.items():
        if bases.n_positive:
            curve = pd.DataFrame(bases.curve())[columns]
            curve.insert(0, "element", element)
            tables.append(curve)
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _write_tsv(table: pd.DataFrame, path: str | os.PathLike) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
