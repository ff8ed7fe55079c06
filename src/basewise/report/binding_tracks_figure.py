"""How well tracks of binding find peaks along the genome: precision over recall of each."""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from basewise.colours import IN_TURN, PALE_GREY
from basewise.report.binding_figure import clean_axes, make_figure, read_table, save_figure

COLOURS = (*IN_TURN, PALE_GREY)
TITLES = {
    "all": "all chroms",
    "train": "chroms of training",
    "valid": "chroms of validation",
    "test": "held-out chroms",
    "unused": "other chroms",
}
MOST_NAMED = 16


def plot_tracks(
    table: pd.DataFrame | str | os.PathLike,
    curves: pd.DataFrame | str | os.PathLike,
    output: str | os.PathLike,
) -> None:
    """Draw the tables of `evaluate_tracks`, a panel per split of chroms.

    Dashed lines are of targets that training did not see. The numbers are AUPRC and, in brackets,
    the share of positive bins, which is the AUPRC of guessing.
    """
    table, curves = read_table(table), read_table(curves)
    splits = list(dict.fromkeys(table["split"])) or ["all"]
    named = min(table["track"].nunique(), MOST_NAMED)
    figure = make_figure((4.8 * len(splits), 4.2 + 0.19 * named))
    panels = figure.subplots(1, len(splits), squeeze=False).ravel()
    names = dict.fromkeys(table["track"])
    colours = {track: COLOURS[number % len(COLOURS)] for number, track in enumerate(names)}
    for axes, split in zip(panels, splits, strict=True):
        _draw(axes, table[table["split"] == split], curves[curves["split"] == split], colours)
        axes.set_title(TITLES.get(split, split), fontsize=10)
    save_figure(figure, Path(output))


def _draw(
    axes: Axes, table: pd.DataFrame, curves: pd.DataFrame, colours: Mapping[str, str]
) -> None:
    ranked = table[table["n_positive"] > 0].sort_values("auprc", ascending=False, kind="stable")
    for number, row in enumerate(ranked.itertuples()):
        curve = curves[curves["track"] == row.track]
        is_unseen = row.target_split not in ("train", "") and isinstance(row.target_split, str)
        is_named = number < MOST_NAMED
        axes.plot(
            curve["recall"],
            curve["precision"],
            "--" if is_unseen else "-",
            color=colours[row.track] if is_named else "#cccccc",
            lw=1.6 if is_named else 0.8,
            label=f"{row.auprc:.3f} ({row.prevalence:.3f}) {row.track}" if is_named else None,
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    clean_axes(axes)
    if len(ranked):
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.15), frameon=False, fontsize=8,
            title="AUPRC (guessing)", title_fontsize=8,
        )  # fmt: skip
