"""Signal tracks as training targets: bigWigs binned once, then sliced at any locus.

`read_signals` reads which bigWigs there are and what they measure, `bin_signals` turns each into
a memory map of bins, `SignalTargets` reads values of loci from the maps.
"""

from basewise.peaks.signal.binned import BinnedSignal
from basewise.peaks.signal.convert import bin_bigwig
from basewise.peaks.signal.folder import bin_signals
from basewise.peaks.signal.loci import read_loci
from basewise.peaks.signal.table import Signal, read_signals
from basewise.peaks.signal.targets import SignalTargets

__all__ = [
    "BinnedSignal",
    "Signal",
    "SignalTargets",
    "bin_bigwig",
    "bin_signals",
    "read_loci",
    "read_signals",
]
