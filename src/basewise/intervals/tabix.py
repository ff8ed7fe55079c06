"""bgzip and tabix: packed, indexed BED and GFF3 with the same bytes for the same input."""

import os
from os import PathLike
from pathlib import Path

import pysam

from basewise.atomic import scratch_directory
from basewise.errors import BasewiseError
from basewise.intervals.packed import bgzip_writer, open_text

TBI_LIMIT_BP = 1 << 29  # a .tbi holds no position past this; a .csi does

PRESETS = {".bed": "bed", ".narrowpeak": "bed", ".gff": "gff", ".gff3": "gff", ".gtf": "gff"}


def index_bed(text: str | PathLike, output: str | PathLike) -> Path:
    """Pack a sorted BED, GFF3 or GTF text file with bgzip and index it with tabix.

    Args:
        text: The sorted text file (plain or gzip).
        output: The packed file; its name ends in .bed.gz, .gff3.gz, .gff.gz or .gtf.gz, which
            chooses the columns.

    Returns:
        The path of the index beside it: `<output>.tbi`, which every reader takes, or
        `<output>.csi` when a row ends past 512 Mb, which a .tbi cannot hold. The other goes.

    Raises:
        BasewiseError: The name says no format, the rows are not sorted, or the disk is full.
    """
    output = Path(output)
    suffixes = [suffix.lower() for suffix in output.suffixes[-2:]]
    if len(suffixes) < 2 or suffixes[1] != ".gz" or suffixes[0] not in PRESETS:
        raise BasewiseError(
            "A tabix-indexed file needs a name ending in .bed.gz or .gff3.gz", found=output.name
        )
    preset = PRESETS[suffixes[0]]
    with scratch_directory(output) as folder:
        packed = folder / output.name
        with bgzip_writer(packed) as stream:
            furthest = _copy_sorted(text, stream, preset)
        suffix, other = (".csi", ".tbi") if furthest > TBI_LIMIT_BP else (".tbi", ".csi")
        index = packed.with_name(packed.name + suffix)
        pysam.tabix_index(
            os.fspath(packed),
            preset=preset,
            csi=suffix == ".csi",
            index=os.fspath(index),
            force=True,
        )
        beside = output.with_name(output.name + suffix)
        output.with_name(output.name + other).unlink(missing_ok=True)
        for source, target in ((packed, output), (index, beside)):
            with source.open("rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(source, target)
    return beside


def _copy_sorted(text: str | PathLike, packed: pysam.BGZFile, preset: str) -> int:
    """Copy rows into a bgzip stream, checking their order; return the furthest end in bp."""
    start_column = 1 if preset == "bed" else 3
    furthest, seen, chrom, last = 0, set(), None, 0
    with open_text(text) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip() and not line.startswith("#"):
                columns = line.rstrip("\n").split("\t")
                try:
                    start, end = (int(x) for x in columns[start_column : start_column + 2])
                except ValueError:
                    raise BasewiseError(
                        f"{text} line {number} is not {preset.upper()}", found=repr(line[:80])
                    ) from None
                if columns[0] != chrom:
                    chrom, last = columns[0], 0
                    if chrom in seen:
                        raise _unsorted(text, number, line)
                    seen.add(chrom)
                if start < last:
                    raise _unsorted(text, number, line)
                last, furthest = start, max(furthest, end)
            packed.write(line.encode())
    return furthest


def _unsorted(text: str | PathLike, number: int, line: str) -> BasewiseError:
    return BasewiseError(
        f"{text} line {number} is out of order",
        found=repr(line.rstrip()[:80]),
        hint="Sort by chrom, then start, before indexing",
    )
