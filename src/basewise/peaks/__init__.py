"""Peaks of a catalogue such as ReMap: read, filtered, stored by chrom and by scope.

A scope is one (experiment, target, biotype): a target is a transcription factor, a biotype the
cell type or tissue.
"""

from basewise.peaks.build import build_store
from basewise.peaks.catalogue import Catalogue, read_catalogue
from basewise.peaks.columns import PeakColumns
from basewise.peaks.experiments import read_biotypes, read_experiments
from basewise.peaks.filters import PeakFilters
from basewise.peaks.frames import write_store
from basewise.peaks.funnel import Funnel
from basewise.peaks.names import Scope
from basewise.peaks.proteins import Proteins, read_proteins
from basewise.peaks.store import PeakStore
from basewise.peaks.told import list_told

__all__ = [
    "Catalogue",
    "Funnel",
    "PeakColumns",
    "PeakFilters",
    "PeakStore",
    "Proteins",
    "Scope",
    "build_store",
    "list_told",
    "read_biotypes",
    "read_catalogue",
    "read_experiments",
    "read_proteins",
    "write_store",
]
