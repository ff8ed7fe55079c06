"""Negatives: windows that are not peaks, chosen at random, matched to the peaks, or per scope."""

from importlib import import_module

_HOMES = {
    "FramePeaks": "source",
    "Ground": "ground",
    "KINDS": "settings",
    "NegativeReport": "ground",
    "NegativeSettings": "settings",
    "draw_negatives": "generate",
    "generate_negatives": "generate",
}
__all__ = list(_HOMES)


def __getattr__(name: str):
    """Load what is asked for alone: a workflow that starts needs none of what is compiled."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
