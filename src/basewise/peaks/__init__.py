"""Peaks of a catalogue such as ReMap: read, filtered, stored by chrom and by scope.

A scope is one (experiment, target, biotype): a target is a transcription factor, a biotype the
cell type or tissue.
"""

from importlib import import_module

_HOMES = {
    "Catalogue": "catalogue",
    "Funnel": "funnel",
    "PeakColumns": "columns",
    "PeakFilters": "filters",
    "PeakStore": "store",
    "Proteins": "proteins",
    "Scope": "names",
    "build_store": "build",
    "list_told": "told",
    "read_biotypes": "experiments",
    "read_catalogue": "catalogue",
    "read_experiments": "experiments",
    "read_proteins": "proteins",
    "write_store": "frames",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    """Load what is asked for alone: a workflow that starts needs none of what is compiled."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
