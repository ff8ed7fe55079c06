"""A figure of one region: every track, what was called from it, and what the annotation says."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from basewise.atomic import atomic_path
from basewise.intervals import IntervalMap
from basewise.labels import get_element
from basewise.tracks.bigwig.reader import read_values

ROW_HEIGHT, WIDTH = 0.62, 11.0
CALLED_AT, LABELLED_AT, BAR_HEIGHT = -0.30, -0.65, 0.22
INK = "#222222"


def plot_locus(
    bigwigs: Mapping[str, str | os.PathLike],
    calls: Mapping[str, IntervalMap],
    labels: Mapping[str, IntervalMap],
    region: tuple[str, int, int],
    output: str | os.PathLike,
    *,
    title: str = "",
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw one row per element or other track: its values, with calls and labels as bars below.

    Args:
        bigwigs: element -> bigWig.
        calls, labels: element -> chrom -> intervals; an element may be missing.
        region: (chrom, start, end) in bp, 0-based half-open.
        output: .png, .svg or .pdf.
        colours: of tracks that are no elements.
    """
    chrom, start, end = region
    height = ROW_HEIGHT * len(bigwigs) + 1.0
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(bigwigs), 1, sharex=True, squeeze=False)
    positions = np.arange(start, end) / 1000
    for axis, (element, path) in zip(axes[:, 0], bigwigs.items(), strict=True):
        colour = (colours or {}).get(element) or get_element(element).colour
        values = read_values(path, chrom, start, end)
        axis.fill_between(positions, values, color=colour, linewidth=0.8, step="mid")
        _draw_bars(axis, calls.get(element, {}), region, CALLED_AT, colour)
        _draw_bars(axis, labels.get(element, {}), region, LABELLED_AT, INK)
        axis.set_ylim(-0.75, 1.05)
        axis.set_yticks([])
        axis.set_ylabel(element.replace("_", " "), rotation=0, ha="right", va="center", fontsize=9)
        axis.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axis.tick_params(bottom=False)
    axes[-1, 0].spines["bottom"].set_visible(True)
    axes[-1, 0].tick_params(bottom=True)
    axes[-1, 0].set_xlim(start / 1000, end / 1000)
    axes[-1, 0].set_xlabel(f"{chrom}, kb")
    bars = "area: probability · coloured bar: called · black bar: annotated"
    figure.suptitle(f"{title}\n{bars}" if title else bars, fontsize=10)
    with atomic_path(output) as temporary:
        figure.savefig(temporary, dpi=150, format=Path(output).suffix[1:])


def _draw_bars(
    axis: Axes, intervals: IntervalMap, region: tuple[str, int, int], low: float, colour: str
) -> None:
    """Draw the intervals inside the region as bars whose lower edge is at ``low``."""
    chrom, start, end = region
    rows = np.asarray(intervals.get(chrom, np.empty((0, 2), np.int64)))
    rows = rows[(rows[:, 0] < end) & (rows[:, 1] > start)]
    spans = [(first, last - first) for first, last in np.clip(rows, start, end) / 1000]
    axis.broken_barh(spans, (low, BAR_HEIGHT), color=colour, linewidth=0.6)
