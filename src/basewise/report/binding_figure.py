"""Figures of binding: precision over recall of all predictors, and how training went."""

import json
import os
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from basewise.atomic import atomic_path
from basewise.colours import BLUE, GREEN, GREY, PURPLE, VERMILION
from basewise.errors import BasewiseError

STYLES = {
    "model": ("model", VERMILION, "-", 2.4),
    "motif": ("motif of the target, or of the nearest protein", BLUE, "--", 1.8),
    "mean_observed": ("share of training targets with a peak there", GREEN, "-.", 1.6),
    "mean_predicted": ("mean prediction for training targets", PURPLE, ":", 2.0),
    "gc": ("GC content", GREY, ":", 1.4),
}
TITLES = {
    "test_chrom": "held-out chroms",
    "test_target": "held-out targets",
    "test_target_chrom": "held-out targets on held-out chroms",
    "test_biotype": "held-out biotypes",
}
COLUMNS = 3
_INK = "#333333"


def plot_binding(
    summary: pd.DataFrame | str | os.PathLike,
    curves: pd.DataFrame | str | os.PathLike,
    output: str | os.PathLike,
) -> None:
    """Draw the tables of `evaluate_binding`, a panel per split: means over targets.

    The number beside each predictor is its mean AUPRC over targets.
    """
    summary, curves = read_table(summary), read_table(curves)
    splits = list(dict.fromkeys(summary["split"]))
    rows = -(-len(splits) // COLUMNS)
    width = min(len(splits), COLUMNS)
    figure = make_figure((4.6 * width, 4.9 * rows))
    panels = figure.subplots(rows, width, squeeze=False).ravel()
    for axes, split in zip(panels, splits, strict=False):
        _draw_split(axes, summary[summary["split"] == split], curves[curves["split"] == split])
        axes.set_title(TITLES.get(split, split), fontsize=10)
    for axes in panels[len(splits) :]:
        axes.set_visible(False)
    save_figure(figure, Path(output))


def plot_training(metrics: str | os.PathLike, output: str | os.PathLike) -> None:
    """Draw metrics.jsonl: the loss, and what the validations said, by step.

    Raises:
        BasewiseError: the file has no row.
    """
    lines = Path(metrics).read_text().splitlines()
    rows = pd.DataFrame([json.loads(line) for line in lines])
    if rows.empty:
        raise BasewiseError(f"{metrics} has no row to draw")
    figure = make_figure((9.0, 3.6))
    left, right = figure.subplots(1, 2)
    left.plot(rows["step"], rows["loss"], color=BLUE, lw=1.8)
    left.set(xlabel="step", ylabel="training loss", title="Loss")
    shown = [("auprc", "AUPRC, mean of targets"), ("auroc", "AUROC, mean of targets")]
    shown += [("pearson", "Pearson, all bins"), ("window_pearson", "Pearson, mean of windows")]
    colours = iter((VERMILION, GREEN))
    for name, label in shown:
        if f"valid_{name}" in rows:
            right.plot(
                rows["step"], rows[f"valid_{name}"], color=next(colours), lw=1.8, label=label
            )
    right.set(xlabel="step", title="Validation")
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        clean_axes(axes)
    save_figure(figure, Path(output))


def _draw_split(axes: Axes, summary: pd.DataFrame, curves: pd.DataFrame) -> None:
    for row in summary.itertuples():
        label, colour, line, width = STYLES.get(row.predictor, (row.predictor, _INK, "-", 1.2))
        curve = curves[curves["predictor"] == row.predictor]
        text = f"{row.auprc:.3f} {label}"
        axes.plot(curve["recall"], curve["precision"], line, color=colour, lw=width, label=text)
    axes.set(xlabel="recall", ylabel="precision, mean of targets", xlim=(0, 1), ylim=(0, 1.02))
    clean_axes(axes)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.15), frameon=False, fontsize=8,
        title="mean AUPRC", title_fontsize=8,
    )  # fmt: skip


def clean_axes(axes: Axes) -> None:
    """Give axes a light grid and no box."""
    axes.grid(color="#e6e6e6", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def make_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of a size in inches."""
    with matplotlib.rc_context({"font.size": 9, "axes.edgecolor": _INK}):
        return Figure(figsize=size, layout="constrained")


def save_figure(figure: Figure, output: Path) -> None:
    """Write a figure to a PNG, SVG or PDF file, whole or not at all."""
    kind = output.suffix.lstrip(".") or "png"
    stamp = {"Date": None} if kind == "svg" else None
    with (
        matplotlib.rc_context({"svg.hashsalt": "basewise"}),
        atomic_path(output) as temporary,
    ):
        figure.savefig(temporary, format=kind, dpi=150, metadata=stamp)


def read_table(table: pd.DataFrame | str | os.PathLike) -> pd.DataFrame:
    """Return a table, or that of a TSV file."""
    return table if isinstance(table, pd.DataFrame) else pd.read_csv(table, sep="\t")
