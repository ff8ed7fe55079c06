"""Elements called from probability tracks, genome-wide, as one BED and one GFF3 file."""

import logging
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from basewise.atomic import scratch_directory
from basewise.calling import gff3
from basewise.calling.pool import map_in_processes
from basewise.calling.runs import RunCaller
from basewise.calling.settings import resolve_setting
from basewise.calling.windows import WINDOW_BP, iter_chroms, load_blacklist
from basewise.colours import PALE_GREY
from basewise.intervals import IntervalMap, index_bed
from basewise.labels.elements import ELEMENTS

logger = logging.getLogger(__name__)

_SO_TERM_OF_UNKNOWN = "sequence_feature"


def call_elements(
    bigwigs: Mapping[str, str | os.PathLike],
    chromsizes: Mapping[str, int],
    *,
    thresholds: Mapping[str, float],
    min_length_bp: Mapping[str, int],
    join_gap_bp: Mapping[str, int],
    source: str,
    bed_output: str | os.PathLike,
    gff3_output: str | os.PathLike,
    blacklist: IntervalMap | str | Path | None = None,
    processes: int = 1,
    window_bp: int = WINDOW_BP,
) -> dict[str, int]:
    """Call every element of `bigwigs` (element name -> path); return the number of calls of each.

    A call is a run of bases with p >= its threshold. Calls at most `join_gap_bp` apart are one,
    then those shorter than `min_length_bp` are dropped. Unscored and blacklisted bases belong to
    no call, and no gap that holds one is joined. `thresholds`, `min_length_bp` and `join_gap_bp`
    map element names, and "default" for the others, to numbers.

    Writes BED9 (score: 1000 x mean p, coloured by element) and GFF3 (Sequence Ontology types,
    score: mean p, `source` is "model@revision"), both in the order of `chromsizes`, then by
    start, bgzipped, with a tabix index beside each. Neither `window_bp` nor `processes` changes a
    byte.

    Raises BasewiseError for a misspelt element, a value out of range, an unreadable bigWig.
    """
    known = [element.name for element in ELEMENTS]
    resolve = partial(resolve_setting, elements=bigwigs, known=known)
    settings = {
        "threshold": resolve("thresholds", thresholds, minimum=0.0, maximum=1.0),
        "min_length_bp": resolve("min_length_bp", min_length_bp, minimum=1, integer=True),
        "join_gap_bp": resolve("join_gap_bp", join_gap_bp, minimum=0, integer=True),
    }
    jobs = [
        (path, {name: value[element] for name, value in settings.items()})
        for element, path in bigwigs.items()
    ]
    call = partial(
        _call_track,
        chromsizes=dict(chromsizes),
        left_out=load_blacklist(blacklist, chromsizes),
        window_bp=window_bp,
    )
    calls = dict(zip(bigwigs, map_in_processes(call, jobs, processes), strict=True))
    counts = dict.fromkeys(bigwigs, 0)
    with scratch_directory(bed_output) as folder:
        bed_text, gff_text = folder / "elements.bed", folder / "elements.gff3"
        with (
            bed_text.open("w", encoding="utf-8", newline="\n") as bed,
            gff_text.open("w", encoding="utf-8", newline="\n") as gff,
        ):
            gff.writelines(f"{line}\n" for line in gff3.header_lines(chromsizes))
            for chrom in chromsizes:
                of_chrom = {element: by_chrom[chrom] for element, by_chrom in calls.items()}
                for bed_line, gff_line in _lines_of_chrom(chrom, of_chrom, source, counts):
                    bed.write(f"{bed_line}\n")
                    gff.write(f"{gff_line}\n")
        index_bed(bed_text, bed_output)
        index_bed(gff_text, gff3_output)
    logger.info("Called %s elements: %s", sum(counts.values()), counts)
    return counts


def _call_track(
    job: tuple[str | os.PathLike, dict[str, float]],
    *,
    chromsizes: dict[str, int],
    left_out: IntervalMap,
    window_bp: int,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the intervals and mean p of the calls of one (bigWig, settings), by chrom."""
    path, settings = job
    calls = {}
    for chrom, windows in iter_chroms(path, chromsizes, left_out=left_out, window_bp=window_bp):
        caller = RunCaller(**settings)
        for _, values in windows:
            caller.update(values)
        calls[chrom] = caller.finish()
    return calls


def _lines_of_chrom(
    chrom: str,
    calls: Mapping[str, tuple[np.ndarray, np.ndarray]],
    source: str,
    counts: dict[str, int],
) -> Iterator[tuple[str, str]]:
    """Yield the BED and GFF3 line of each call by start, end, element; advances `counts`."""
    names = list(calls)
    intervals = np.concatenate([np.empty((0, 2), np.int64), *(iv for iv, _ in calls.values())])
    means = np.concatenate([np.empty(0), *(mean for _, mean in calls.values())])
    which = np.repeat(np.arange(len(names)), [len(mean) for _, mean in calls.values()])
    order = np.lexsort((which, intervals[:, 1], intervals[:, 0]))
    elements = {element.name: element for element in ELEMENTS}
    for i, (start, end), mean in zip(
        which[order].tolist(), intervals[order].tolist(), means[order].tolist(), strict=True
    ):
        name = names[i]
        element = elements.get(name)
        counts[name] += 1
        colour = _rgb(element.colour if element else PALE_GREY)
        bed_line = (
            f"{chrom}\t{start}\t{end}\t{name}\t{round(1000 * mean)}\t.\t{start}\t{end}\t{colour}"
        )
        gff_line = gff3.feature_line(
            chrom=chrom,
            source=source,
            feature_type=element.so_term if element else _SO_TERM_OF_UNKNOWN,
            start=start,
            end=end,
            score=mean,
            attributes=(("ID", f"{name}-{counts[name]:06d}"), ("Name", name), ("element", name)),
        )
        yield bed_line, gff_line


def _rgb(colour: str) -> str:
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
