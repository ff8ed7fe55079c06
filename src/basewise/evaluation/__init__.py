"""How well probability tracks agree with labels: mergeable counts, metrics, tables."""

from basewise.evaluation.chroms import choose_chroms
from basewise.evaluation.counts import ElementCounts
from basewise.evaluation.segmentation import evaluate_segmentation
from basewise.evaluation.table import format_table

__all__ = ["ElementCounts", "choose_chroms", "evaluate_segmentation", "format_table"]
