"""Peaks of all tracks of binding in one BED, merged from their files as these are read."""

import heapq
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from basewise.atomic import scratch_directory
from basewise.colours import PALE_GREY
from basewise.errors import BasewiseError
from basewise.intervals import index_bed, open_text

OPEN_AT_ONCE = 256  # files; many systems allow a process 1024


class Peak(NamedTuple):
    """One row of a narrowPeak, in the order of the joined file: by its numbers, left to right.

    Attributes:
        rank, start, end: number of its chrom, and bp.
        track: number of its track.
        score: the text of the column.
    """

    rank: int
    start: int
    end: int
    track: int
    score: str


def join_peaks(
    narrow: Mapping[str, str | os.PathLike],
    chromsizes: Mapping[str, int],
    *,
    output: str | os.PathLike,
    colours: Mapping[str, str] | None = None,
) -> int:
    """Write the peaks of all tracks (name -> narrowPeak) as one BED9; return how many there are.

    In the order of `chromsizes`, then by start, bgzipped, with a tabix index beside it. One peak of
    each track is in memory at once.

    Raises:
        BasewiseError: a file that is no narrowPeak of these chroms, or not in their order.
    """
    colours = colours or {}
    chroms, tracks = list(chromsizes), list(narrow)
    ranks = {chrom: rank for rank, chrom in enumerate(chroms)}
    shown = [_rgb(colours.get(track, PALE_GREY)) for track in tracks]
    readers = [read_peaks(path, ranks, number) for number, path in enumerate(narrow.values())]
    count = 0
    with scratch_directory(output) as folder:
        text = folder / "peaks.bed"
        with text.open("w", encoding="utf-8", newline="\n") as stream:
            for rank, start, end, number, score in _merge(readers, folder):
                stream.write(
                    f"{chroms[rank]}\t{start}\t{end}\t{tracks[number]}\t{score}\t.\t{start}\t{end}"
                    f"\t{shown[number]}\n"
                )
                count += 1
        index_bed(text, output)
    return count


def read_peaks(path: str | os.PathLike, ranks: Mapping[str, int], track: int) -> Iterator[Peak]:
    """Yield the peaks of a narrowPeak, one line at a time.

    Raises:
        BasewiseError: a line that is no narrowPeak of the chroms of `ranks`, or out of their order.
    """
    last = (0, 0, 0)
    with open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            columns = line.rstrip("\n").split("\t")
            try:
                chrom, start, end, _, score, *others = columns
                peak = Peak(ranks[chrom], int(start), int(end), track, score)
            except (KeyError, ValueError):
                others = []
            if len(others) != 5:
                raise BasewiseError(
                    f"{path} is no narrowPeak of this assembly", found=repr(line[:60])
                )
            if peak[:3] < last:
                raise BasewiseError(
                    f"{path} line {number} is out of order",
                    found=repr(line[:60]),
                    hint="Peaks lie in the order of chrom.sizes, then by start. Delete the file "
                    "and rerun the rule call_peaks.",
                )
            last = peak[:3]
            yield peak


def _merge(readers: Sequence[Iterable[Peak]], folder: Path) -> Iterator[Peak]:
    """Merge sorted peaks, those of many files by way of a few that lie in `folder`."""
    if len(readers) <= OPEN_AT_ONCE:
        return heapq.merge(*readers)
    parts = []
    for first in range(0, len(readers), OPEN_AT_ONCE):
        part = folder / f"from_{first}.tsv"
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            for peak in heapq.merge(*readers[first : first + OPEN_AT_ONCE]):
                stream.write("\t".join(map(str, peak)) + "\n")
        parts.append(_reread(part))
    return heapq.merge(*parts)


def _reread(part: Path) -> Iterator[Peak]:
    with part.open(encoding="utf-8") as stream:
        for line in stream:
            *numbers, score = line.rstrip("\n").split("\t")
            yield Peak(*map(int, numbers), score)


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
