"""Metrics as a table for people: markdown that is also aligned in a terminal."""

from collections.abc import Iterable

import pandas as pd

COLUMNS = {
    "element": "element",
    "n_positive": "positive bp",
    "threshold": "threshold",
    "mcc": "MCC",
    "auprc": "AUPRC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "best_mcc": "best MCC",
    "segment_recall": "segments found",
}
_AVERAGED = ("mcc", "auprc", "f1", "precision", "recall", "best_mcc", "segment_recall")


def format_table(metrics: pd.DataFrame, *, mean_over: Iterable[str] | None = None) -> str:
    """Return the metrics as an aligned markdown table, one row per element, then their mean.

    The mean is over the elements `mean_over` (all that have labels by default); metrics that are
    not defined are empty cells and do not enter it. Raises KeyError for an element of `mean_over`
    that has no row.
    """
    labelled = metrics.loc[metrics["n_positive"] > 0, "element"]
    averaged = list(labelled if mean_over is None else mean_over)
    by_element = metrics.set_index("element")
    means = by_element.loc[averaged, list(_AVERAGED)].mean()
    rows = [[_cell(name, row[name]) for name in COLUMNS] for row in metrics.to_dict("records")]
    title = f"mean of {len(averaged)}"
    rows.append([title, *(_cell(name, means.get(name)) for name in list(COLUMNS)[1:])])
    return _aligned([list(COLUMNS.values()), *rows])


def _cell(name: str, value: object) -> str:
    if value is None or pd.isna(value):
        return ""
    if name == "element":
        return str(value)
    if name == "n_positive":
        return f"{value:,}"
    return f"{value:.2f}" if name == "threshold" else f"{value:.3f}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def line(row: list[str]) -> str:
        pairs = zip(row[1:], widths[1:], strict=True)
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in pairs)]
        return f"| {' | '.join(cells)} |"

    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join([line(rows[0]), f"| {' | '.join(rule)} |", *(line(row) for row in rows[1:])])
