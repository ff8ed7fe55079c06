"""Peaks called from a track of binding, genome-wide, in a narrowPeak file."""

import logging
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from basewise.atomic import scratch_directory
from basewise.calling.runs import RunCaller
from basewise.calling.settings import resolve_setting
from basewise.calling.summits import Stretches, find_summits
from basewise.calling.windows import WINDOW_BP, iter_chroms, load_blacklist
from basewise.intervals import IntervalMap, index_bed

logger = logging.getLogger(__name__)

TOP_SCORE = 1000


def call_peaks(
    track: str,
    bigwig: str | os.PathLike,
    chromsizes: Mapping[str, int],
    *,
    thresholds: Mapping[str, float],
    min_length_bp: Mapping[str, int],
    join_gap_bp: Mapping[str, int],
    output: str | os.PathLike,
    blacklist: IntervalMap | str | Path | None = None,
    window_bp: int = WINDOW_BP,
) -> int:
    """Call the peaks of a track; return how many there are.

    A peak is a run of bases at or above the threshold, joined and filtered as elements are
    (`call_elements`). Its summit is the centre of its highest bin.

    Writes a narrowPeak (BED6+4: score 1000 x the highest value, at most 1000; the highest value;
    -1 for p and q; bp from start to summit) in the order of `chromsizes`, bgzipped, with a tabix
    index beside it. `window_bp` changes no byte.

    Args:
        thresholds, min_length_bp, join_gap_bp: track, and "default" for others, to numbers.

    Raises:
        BasewiseError: no number for the track, a value out of range, an unreadable bigWig.
    """
    resolve = partial(resolve_setting, elements=[track])
    whole = {"integer": True}
    settings = {
        "threshold": resolve("thresholds", thresholds, known=thresholds, minimum=0.0),
        "min_length_bp": resolve(
            "min_length_bp", min_length_bp, known=min_length_bp, minimum=1, **whole
        ),
        "join_gap_bp": resolve("join_gap_bp", join_gap_bp, known=join_gap_bp, minimum=0, **whole),
    }
    settings = {name: numbers[track] for name, numbers in settings.items()}
    left_out = load_blacklist(blacklist, chromsizes)
    number = 0
    with scratch_directory(output) as folder:
        text = folder / "peaks.bed"
        with text.open("w", encoding="utf-8", newline="\n") as stream:
            for chrom, windows in iter_chroms(
                bigwig, chromsizes, left_out=left_out, window_bp=window_bp
            ):
                for start, end, summit, top in _call(windows, settings):
                    number += 1
                    stream.write(
                        f"{chrom}\t{start}\t{end}\t{track}_{number}\t{_score(top)}\t.\t{top:.6g}"
                        f"\t-1\t-1\t{summit - start}\n"
                    )
        index_bed(text, output)
    logger.info("Called %d peaks of %s", number, track)
    return number


def _call(
    windows: Iterator[tuple[int, np.ndarray]], settings: Mapping[str, float]
) -> Iterator[tuple[int, int, int, float]]:
    """Yield start, end, summit and highest value of the peaks of one chrom."""
    caller, stretches = RunCaller(**settings), Stretches()
    for _, values in windows:
        caller.update(values)
        stretches.update(values)
    intervals, _ = caller.finish()
    summits, highest = find_summits(intervals, *stretches.finish())
    for (start, end), summit, top in zip(
        intervals.tolist(), summits.tolist(), highest.tolist(), strict=True
    ):
        yield start, end, summit, top


def _score(top: float) -> int:
    return min(round(TOP_SCORE * top), TOP_SCORE)
