"""From tracks to calls: elements of probabilities, peaks of binding; BED, GFF3, narrowPeak out."""

from basewise.calling.elements import call_elements
from basewise.calling.joining import join_peaks
from basewise.calling.peaks import call_peaks

__all__ = ["call_elements", "call_peaks", "join_peaks"]
