"""From per-base probabilities to called elements: thresholds in, BED and GFF3 out."""

from basewise.calling.elements import call_elements

__all__ = ["call_elements"]
