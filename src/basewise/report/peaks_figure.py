"""The peaks figure: what filters removed, peaks by target and biotype, widths, GC of negatives."""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from basewise.atomic import atomic_path
from basewise.colours import BLUE, GREEN, GREY, PURPLE, VERMILION
from basewise.errors import BasewiseError

KIND_STYLES = {
    "peak": (VERMILION, "-", 2.2),
    "random": (GREY, "-", 1.4),
    "matched": (BLUE, "--", 1.6),
    "scoped": (GREEN, "-.", 1.4),
    "hard": (PURPLE, ":", 1.8),
}
FORMATS = (".png", ".svg", ".pdf")
LABELLED = 3  # of the most frequent names
TAIL = 1e-3  # share of windows on each side that the GC axis may leave out
_DATE = {".svg": "Date", ".pdf": "CreationDate"}
_COUNTS = EngFormatter(sep="")


def _as_percent(share: float, _: int) -> str:
    return f"{100 * share:g}%"


def plot_peaks(
    funnel_tsv: str | os.PathLike,
    summary_tsv: str | os.PathLike,
    distributions_tsv: str | os.PathLike,
    output: str | os.PathLike,
) -> None:
    """Draw the tables of `filter_peaks` and `summarise_peaks` as four panels.

    Args:
        funnel_tsv: step, removed, left.
        summary_tsv, distributions_tsv: As `basewise.peaks.summary` writes them.
        output: The figure, .png, .svg or .pdf.

    Raises:
        BasewiseError: A table is missing or of other columns, or the suffix is another.
    """
    output = Path(output)
    if output.suffix not in FORMATS:
        raise BasewiseError(f"{output} is no figure", hint=f"Use {', '.join(FORMATS)}")
    funnel = _read(funnel_tsv, "step", "removed", "left")
    summary = _read(summary_tsv, "target", "biotype", "n_peaks")
    distributions = _read(distributions_tsv, "quantity", "kind", "low", "high", "n")
    panels: tuple[tuple[Callable, pd.DataFrame], ...] = (
        (_draw_funnel, funnel),
        (_draw_ranks, summary),
        (_draw_widths, distributions[distributions["quantity"] == "width_bp"]),
        (_draw_gc, distributions[distributions["quantity"] == "gc"]),
    )
    figure, axes = plt.subplots(2, 2, figsize=(10.0, 7.0), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    try:
        for axis, (draw, table) in zip(axes.flat, panels, strict=True):
            axis.spines[["top", "right"]].set_visible(False)
            axis.tick_params(labelsize=9)
            draw(axis, table)
        with atomic_path(output) as temporary, plt.rc_context({"svg.hashsalt": "peaks"}):
            undated = {} if output.suffix == ".png" else {_DATE[output.suffix]: None}
            figure.savefig(temporary, format=output.suffix[1:], dpi=150, metadata=undated)
    finally:
        plt.close(figure)


def _read(path: str | os.PathLike, *columns: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t", keep_default_na=False, na_values={"n": [""]})
    except (OSError, pd.errors.EmptyDataError) as error:
        raise BasewiseError(f"{path} cannot be read as a table", found=error) from None
    for column in columns:
        if column not in table:
            raise BasewiseError(f"{path} lacks column '{column}'", found=", ".join(table.columns))
    return table


def _draw_funnel(axis, funnel: pd.DataFrame) -> None:
    """Rows left after each step that removed any, and what it removed."""
    _title(axis, "Rows left after each step")
    shown = funnel[
        (funnel["removed"] != 0) | (funnel.index == 0) | (funnel.index == funnel.index[-1])
    ]
    places = np.arange(len(shown))
    axis.barh(places, shown["left"], color=BLUE, height=0.7)
    axis.set_yticks(places, shown["step"])
    axis.invert_yaxis()
    axis.set_xlim(0, max(1, funnel["left"].max()) * 1.3)
    axis.xaxis.set_major_formatter(_COUNTS)
    for place, left, removed in zip(places, shown["left"], shown["removed"], strict=True):
        sign = "-" if removed > 0 else "+"
        text = f"{left:,}" + (f"  ({sign}{abs(removed):,})" if removed else "")
        axis.annotate(
            text, (left, place), (4, 0), textcoords="offset points", va="center", fontsize=8,
            color=GREY,
        )  # fmt: skip


def _draw_ranks(axis, summary: pd.DataFrame) -> None:
    """Peaks of each target and of each biotype, most first."""
    _title(axis, "Peaks of each target and biotype")
    for column, plural, colour, marker in (
        ("target", "targets", BLUE, "o"),
        ("biotype", "biotypes", VERMILION, "s"),
    ):
        counts = summary.groupby(column)["n_peaks"].sum().sort_values(ascending=False)
        ranks = np.arange(1, len(counts) + 1)
        most = ", ".join(name or "(none)" for name in counts.index[:LABELLED])
        label = f"{len(counts):,} {plural if len(counts) > 1 else column}: {most}"
        label += ", …" if len(counts) > LABELLED else ""
        axis.plot(ranks, counts.to_numpy(), color=colour, marker=marker, markersize=3, label=label)
    axis.set(xscale="log", yscale="log", xlabel="Rank", ylabel="Peaks")
    axis.xaxis.set_major_formatter(_COUNTS)
    axis.yaxis.set_major_formatter(_COUNTS)
    axis.set_xlim(left=0.8, right=max(3, axis.get_xlim()[1]))
    axis.set_ylim(top=axis.get_ylim()[1] * 8)
    axis.legend(frameon=False, fontsize=9, loc="upper left")


def _draw_widths(axis, widths: pd.DataFrame) -> None:
    """How wide peaks are."""
    _title(axis, "Width of peaks")
    axis.set(xscale="log", xlabel="Width (bp)", ylabel="Share of peaks")
    total = max(1, widths["n"].sum())
    low, high = widths["low"].to_numpy(), widths["high"].to_numpy()
    axis.bar(low, widths["n"] / total, width=high - low, align="edge", color=BLUE)
    if len(widths):  # a whole decade at least, so that some powers of ten are on the axis
        axis.set_xlim(max(0.9, low.min() / 4), high.max() * 4)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(_COUNTS)
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(_as_percent)


def _draw_gc(axis, gc: pd.DataFrame) -> None:
    """The share of G and C of windows, a line for peaks and each kind of negatives."""
    _title(axis, "G and C in windows around peaks and of negatives")
    axis.set(xlabel="Share of G and C", ylabel="Share of windows")
    for kind, rows in gc.groupby("kind", sort=False):
        colour, style, width = KIND_STYLES.get(kind, (GREY, "-", 1.2))
        n = int(rows["n"].sum())
        name = "peaks" if kind == "peak" else kind
        middles = (rows["low"] + rows["high"]) / 2
        axis.plot(
            middles, rows["n"] / max(1, n), color=colour, linestyle=style, linewidth=width,
            label=f"{name}, {n:,}",
        )  # fmt: skip
    shown = gc.groupby("low").agg(high=("high", "first"), n=("n", "sum"))
    within = shown["n"].cumsum() / max(1, shown["n"].sum())
    middle = shown[(within > TAIL) & (within - shown["n"] / max(1, shown["n"].sum()) < 1 - TAIL)]
    if len(middle):
        axis.set_xlim(max(0, middle.index[0] - 0.02), min(1, middle["high"].iloc[-1] + 0.02))
    axis.xaxis.set_major_formatter(_as_percent)
    axis.yaxis.set_major_formatter(_as_percent)
    axis.set_ylim(0, axis.get_ylim()[1] * 1.45)  # room for the legend
    axis.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)


def _title(axis, text: str) -> None:
    axis.set_title(text, fontsize=11, loc="left")
