"""The seam figure: how far values jump around the seams between tiles, one panel per track."""

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from basewise.atomic import atomic_path
from basewise.colours import BLUE, GREY, VERMILION
from basewise.errors import BasewiseError
from basewise.tracks.seam_tables import PROFILE_COLUMNS, read_table

MAX_COLUMNS = 4
FORMATS = (".png", ".svg", ".pdf")


def plot_seams(profile_tables: Iterable[str | os.PathLike], output: str | os.PathLike) -> None:
    """Draw mean |Δ| by distance from the seam, a panel per track, to a .png, .svg or .pdf.

    Args:
        profile_tables: The `<track>.profile.tsv` files of a merge.
        output: The figure; its suffix chooses the format.

    Raises:
        BasewiseError: There is no table, one has other columns, or the suffix is another.
    """
    output = Path(output)
    if output.suffix not in FORMATS:
        raise BasewiseError(f"{output} is no figure", hint=f"Use {', '.join(FORMATS)}")
    tables = [Path(table) for table in profile_tables]
    if not tables:
        raise BasewiseError(f"No seam profiles to draw in {output}")
    profiles = [profile for table in tables for profile in _profiles(table)]
    columns = min(MAX_COLUMNS, len(profiles))
    rows = -(-len(profiles) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(max(4.0, 3.1 * columns), 2.3 * rows + 0.9),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, (track, offsets, deltas, n_seams) in zip(axes.flat, profiles, strict=False):
        _draw(axis, track, offsets, deltas, n_seams)
    for axis in axes.flat[len(profiles) :]:
        axis.set_axis_off()
    for axis in axes.flat[max(0, len(profiles) - columns) : len(profiles)]:
        axis.tick_params(labelbottom=True)  # the last panel of its column
    figure.supxlabel("Distance from the seam (bp)", fontsize=11)
    figure.supylabel("Mean |Δ| to the base before", fontsize=11)
    try:
        with atomic_path(output) as temporary, plt.rc_context({"svg.hashsalt": "seams"}):
            undated = {} if output.suffix == ".png" else {_DATE[output.suffix]: None}
            figure.savefig(temporary, format=output.suffix[1:], dpi=150, metadata=undated)
    finally:
        plt.close(figure)


_DATE = {".svg": "Date", ".pdf": "CreationDate"}


def _profiles(table: Path) -> list[tuple[str, np.ndarray, np.ndarray, int]]:
    """(track, offsets, mean |Δ|, seams) of each track of a table; a track without seams is kept."""
    rows = read_table(table, PROFILE_COLUMNS)
    if not rows:
        track = table.name.removesuffix(".profile.tsv")
        return [(track, np.empty(0), np.empty(0), 0)]
    profiles = []
    for track, group in groupby(rows, key=lambda row: row["track"]):
        values = np.array([[float(row[column]) for column in PROFILE_COLUMNS[1:]] for row in group])
        profiles.append((track, values[:, 0], values[:, 2], int(values[:, 1].max())))
    return profiles


def _draw(axis, track: str, offsets: np.ndarray, deltas: np.ndarray, n_seams: int) -> None:
    axis.set_title(track, fontsize=10, pad=14)  # clear of the axis's power of ten
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    if not n_seams:
        axis.text(0.5, 0.5, "no seams", transform=axis.transAxes, ha="center", color=GREY)
        axis.set_yticks([])
        return
    axis.plot(offsets, deltas, color=BLUE, linewidth=1.1)
    at_seam = offsets == 0
    axis.plot(offsets[at_seam], deltas[at_seam], "o", color=VERMILION, markersize=5, zorder=3)
    axis.set_ylim(0, max(float(deltas.max()) * 1.25, 1e-6))
    axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    axis.yaxis.get_offset_text().set_fontsize(8)
    axis.text(
        0.98,
        0.97,
        f"{n_seams:,} seam{'s' if n_seams > 1 else ''}",
        transform=axis.transAxes,
        ha="right",
        va="top",
        fontsize=8,
        color=GREY,
    )
