"""How many bytes a run puts on disk.

Shares were measured on yeast in uint8 (benchmarks/results/bench_yeast.md: 12.85 MB of shards and
29.6 MB of bigWigs for 60.8 M values); flatter tracks take less, and other genomes differ. Floats
hardly compress.
"""

from basewise.estimate.genomes import GZIPPED_BP_PER_BYTE, LINE_SHARE

SHARD_BYTES_PER_VALUE = {"uint8": 0.21, "float16": 1.7, "float32": 3.6}
TRACK_BYTES_PER_VALUE = {"uint8": 0.49, "float16": 2.5, "float32": 3.6}
PARAMETER_BYTES = 4
OTHER_BYTES_PER_BP = 0.05  # elements as BED and GFF3, tiles, seams


def genome_download_bytes(size_bp: int) -> int:
    """Return the bytes of a packed FASTA."""
    return round(size_bp / GZIPPED_BP_PER_BYTE)


def genome_bytes(size_bp: int) -> int:
    """Return the bytes of a plain FASTA."""
    return round(size_bp / LINE_SHARE)


def shard_bytes(scorable_bp: int, n_tracks: int, *, dtype: str, resolution_bp: int = 1) -> int:
    """Return the bytes of all shards of an assembly and model."""
    return round(scorable_bp / resolution_bp * n_tracks * SHARD_BYTES_PER_VALUE[dtype])


def result_bytes(scorable_bp: int, n_tracks: int, *, dtype: str, resolution_bp: int = 1) -> int:
    """Return the bytes of the merged files of an assembly and model."""
    values = scorable_bp / resolution_bp * n_tracks
    return round(values * TRACK_BYTES_PER_VALUE[dtype] + scorable_bp * OTHER_BYTES_PER_BP)


def checkpoint_bytes(parameters: int) -> int:
    """Return the bytes of an imported checkpoint."""
    return PARAMETER_BYTES * parameters
