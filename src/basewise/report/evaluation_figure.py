"""How well each element is found, as one figure: precision-recall curves beside MCC and AUPRC."""

import os
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from basewise.atomic import atomic_path
from basewise.labels.elements import ELEMENTS

_COLOURS = {element.name: element.colour for element in ELEMENTS}
_SITES = {element.name for element in ELEMENTS if not element.is_region}
_UNKNOWN = "#BBBBBB"
_INK = "#333333"


def plot_evaluation(
    metrics: pd.DataFrame | str | os.PathLike,
    curves: pd.DataFrame | str | os.PathLike,
    output: str | os.PathLike,
) -> None:
    """Draw the tables of `evaluate_segmentation` (or their TSV files) to a PNG, SVG or PDF file.

    Left: precision against recall over all thresholds, a dot at the configured one. Right: MCC at
    that threshold (bar), AUPRC (diamond) and prevalence, the AUPRC of guessing (tick); its rows are
    the key to the colours. Elements without labels are left out.
    """
    metrics, curves = _table(metrics), _table(curves)
    metrics = metrics[metrics["n_positive"] > 0].reset_index(drop=True)
    output = Path(output)
    style = {"font.size": 9, "svg.hashsalt": "basewise", "axes.edgecolor": _INK}
    with matplotlib.rc_context(style):
        height = max(4.0, 1.2 + 0.36 * len(metrics))
        figure = Figure(figsize=(10.5, height), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        _draw_curves(left, metrics, curves)
        _draw_bars(right, metrics)
        kind = output.suffix.lstrip(".") or "png"
        stamp = {"Date": None} if kind == "svg" else None
        with atomic_path(output) as temporary:
            figure.savefig(temporary, format=kind, dpi=150, metadata=stamp)


def _draw_curves(axes: Axes, metrics: pd.DataFrame, curves: pd.DataFrame) -> None:
    for row in metrics.itertuples():
        curve = curves[curves["element"] == row.element]
        colour = _COLOURS.get(row.element, _UNKNOWN)
        axes.plot(
            curve["recall"],
            curve["precision"],
            color=colour,
            lw=1.6,
            ls="--" if row.element in _SITES else "-",
        )
        axes.plot(row.recall, row.precision, "o", color=colour, ms=6, mec="white", mew=0.8)
    axes.set(
        xlabel="recall",
        ylabel="precision",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.04),
        title="Precision and recall (dot: threshold in use; dashed: sites)",
    )
    axes.grid(color="#e6e6e6", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes: Axes, metrics: pd.DataFrame) -> None:
    rows = np.arange(len(metrics))
    colours = [_COLOURS.get(name, _UNKNOWN) for name in metrics["element"]]
    axes.barh(rows, metrics["mcc"], color=colours, height=0.62)
    axes.plot(
        metrics["auprc"], rows, "D", ms=5.5, color="white", mec=_INK, label="AUPRC", clip_on=False
    )
    axes.plot(
        metrics["prevalence"],
        rows,
        "|",
        ms=11,
        mew=1.6,
        color=_INK,
        label="prevalence",
        path_effects=[withStroke(linewidth=3.5, foreground="white")],
    )
    for row, mcc in zip(rows, metrics["mcc"], strict=True):
        axes.text(1.04, row, f"{mcc:.2f}", va="center", ha="left", color=_INK)
    axes.text(1.04, -0.75, "MCC", va="center", ha="left", color=_INK, weight="bold")
    axes.set_yticks(rows, metrics["element"])
    axes.set(
        xlim=(min(0.0, metrics["mcc"].min() - 0.02) if len(metrics) else 0.0, 1.0),
        ylim=(len(metrics) - 0.4, -0.6),
        title="MCC at the threshold in use (bar)",
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e6e6e6", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.07), ncols=2, frameon=False)


def _table(table: pd.DataFrame | str | os.PathLike) -> pd.DataFrame:
    return table if isinstance(table, pd.DataFrame) else pd.read_csv(table, sep="\t")
