"""Peaks of a catalogue such as ReMap: read, filtered, stored by chrom and by scope.

A scope is one (experiment, target, biotype): a target is a transcription factor, a biotype the
cell type or tissue.
"""

from basewise.peaks.store import PeakStore
from basewise.peaks.store_writer import write_store

__all__ = ["PeakStore", "write_store"]
