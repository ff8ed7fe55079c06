"""How well probability tracks agree with labels: mergeable counts, metrics, tables."""

from basewise.evaluation.counts import ElementCounts
from basewise.evaluation.segmentation import evaluate_segmentation
from basewise.evaluation.table import format_table

__all__ = ["ElementCounts", "evaluate_segmentation", "format_table"]
