"""Negatives: windows that are not peaks, chosen at random, matched to the peaks, or per scope."""

from basewise.peaks.negatives.generate import draw_negatives, generate_negatives
from basewise.peaks.negatives.ground import Ground, NegativeReport
from basewise.peaks.negatives.settings import KINDS, NegativeSettings
from basewise.peaks.negatives.source import FramePeaks

__all__ = [
    "KINDS",
    "FramePeaks",
    "Ground",
    "NegativeReport",
    "NegativeSettings",
    "draw_negatives",
    "generate_negatives",
]
