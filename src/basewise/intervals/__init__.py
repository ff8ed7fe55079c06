"""Intervals: 0-based, half-open, on one chrom; their set operations and their files.

The intervals of one chrom are an int64 array (n, 2) of start and end in bp, sorted by start.
An `IntervalMap` holds one such array per chrom.
"""

from basewise.intervals.bed import read_bed, read_bed_records, read_chromsizes, write_bed
from basewise.intervals.packed import bgzip_writer, open_text
from basewise.intervals.sets import (
    IntervalMap,
    as_intervals,
    complement,
    covered_bp,
    intersect,
    mask_of,
    merge,
    runs_of,
    subtract,
)
from basewise.intervals.tabix import index_bed

__all__ = [
    "IntervalMap",
    "as_intervals",
    "bgzip_writer",
    "complement",
    "covered_bp",
    "index_bed",
    "intersect",
    "mask_of",
    "merge",
    "open_text",
    "read_bed",
    "read_bed_records",
    "read_chromsizes",
    "runs_of",
    "subtract",
    "write_bed",
]
