"""Merges shards into one bigWig per track, in genome order and bounded memory, with seam QC."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basewise.intervals import IntervalMap, merge, read_bed, subtract
from basewise.tracks.bigwig.writer import BigWigWriter
from basewise.tracks.gather import Gathered, gather_shards
from basewise.tracks.quantise import decode
from basewise.tracks.seam_tables import check_seams, profile_path, write_seams
from basewise.tracks.seams import ABOVE, SeamMeter, SeamStats
from basewise.tracks.shard import ShardReader
from basewise.tracks.shard_format import Block, n_bins

logger = logging.getLogger(__name__)

Shards = Gathered | Iterable[str | os.PathLike | ShardReader]
NOTHING = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class MergedTrack:
    """What a merge made: the file, its scored bp, the tiles it came from, its seams."""

    track: str
    path: Path
    scored_bp: int
    n_tiles: int
    seams: SeamStats


def merge_track(
    shards: Shards,
    track: str,
    chromsizes: Mapping[str, int],
    unscored: str | os.PathLike | IntervalMap | None,
    output_bw: str | os.PathLike,
    seams_tsv: str | os.PathLike | None = None,
    *,
    regions: IntervalMap | None = None,
    seam_tolerance: float | None = None,
    compress_threads: int | None = None,
) -> MergedTrack:
    """Write one track of all shards to a bigWig; unscored bases are absent from it.

    Args:
        shards: Paths or readers of every shard of the run, or what `gather_shards` made of them.
        track: The track's name.
        chromsizes: Length in bp of each chrom; all are listed in the bigWig.
        unscored: Intervals to leave out, as a map or a BED file.
        output_bw: The bigWig; it appears whole, or not at all.
        seams_tsv: Where the seam table goes; its profile goes to `<name>.profile.tsv` beside it.
        regions: The scorable regions, which the shards must then cover exactly.
        seam_tolerance: Largest excess of mean |Δ| at seams over the interior, in value units.
        compress_threads: Threads that pack the bigWig.

    Raises:
        BasewiseError: Shards that do not make one genome (see `gather_shards`), a damaged shard,
            a disk that is full, or seams above the tolerance: then the table is there, the bigWig
            is not.
    """
    gathered = (
        shards if isinstance(shards, Gathered) else gather_shards(shards, chromsizes, regions)
    )
    index = gathered.readers[0].track_index(track)
    if unscored is not None and not isinstance(unscored, Mapping):
        unscored = read_bed(unscored, chromsizes)
    holes = {chrom: merge(intervals) for chrom, intervals in (unscored or {}).items()}
    step = gathered.resolution_bp
    with ExitStack() as undo:
        with BigWigWriter(
            output_bw, chromsizes, resolution_bp=step, compress_threads=compress_threads
        ) as writer:
            scored_bp, stats = _copy_values(gathered, index, writer, holes, regions)
            if seams_tsv is not None:
                for table in (Path(seams_tsv), profile_path(seams_tsv)):
                    undo.callback(table.unlink, missing_ok=True)
                write_seams(track, stats, seams_tsv, resolution_bp=step, tolerance=seam_tolerance)
            if stats.verdict(seam_tolerance) == ABOVE:
                undo.pop_all()  # the tables show why there is no bigWig
            check_seams(track, stats, seam_tolerance, seams_tsv)
        undo.pop_all()
    logger.info("merged %s: %d tiles, %d scored bp", track, gathered.n_tiles, scored_bp)
    return MergedTrack(track, Path(output_bw), scored_bp, gathered.n_tiles, stats)


def _copy_values(
    gathered: Gathered,
    track_index: int,
    writer: BigWigWriter,
    holes: IntervalMap,
    regions: IntervalMap | None,
) -> tuple[int, SeamStats]:
    """Copy a track outside `holes` (merged) to a bigWig; returns the scored bp and the seams."""
    step = gathered.resolution_bp
    meter, scored_bp = SeamMeter(), 0
    for reader, block in gathered.blocks:
        values = decode(reader.read(block, track_index))
        core_starts = _seam_candidates(block, regions)
        for start, end in scored_pieces(block, holes.get(block.chrom, NOTHING)):
            first, last = (start - block.start) // step, n_bins(block.start, end, step)
            seams = (core_starts - block.start) // step - first
            meter.add(
                block.chrom,
                start,
                end,
                values[first:last],
                seams[(core_starts >= start) & (core_starts < end)],
            )
            for piece in _whole_and_cut_bins(block.start, start, end, step):
                writer.add(block.chrom, piece[0], values[piece[2] : piece[3]], end=piece[1])
            scored_bp += end - start
    return scored_bp, meter.finish()


def merge_tracks(
    shards: Shards,
    tracks: Sequence[str] | None,
    output_dir: str | os.PathLike,
    chromsizes: Mapping[str, int],
    unscored: str | os.PathLike | IntervalMap | None = None,
    seams_dir: str | os.PathLike | None = None,
    *,
    regions: IntervalMap | None = None,
    seam_tolerance: float | None = None,
    threads: int = 1,
) -> list[MergedTrack]:
    """Merge several tracks (None: all), `threads` at a time, to `output_dir/<track>.bw`.

    Seam tables go to `seams_dir/<track>.tsv`. Other arguments and errors as in `merge_track`; the
    first track that fails raises, once the others have ended.
    """
    gathered = (
        shards if isinstance(shards, Gathered) else gather_shards(shards, chromsizes, regions)
    )
    names = [track.name for track in gathered.readers[0].tracks] if tracks is None else list(tracks)
    if unscored is not None and not isinstance(unscored, Mapping):
        unscored = read_bed(unscored, chromsizes)

    def merge_one(track: str) -> MergedTrack:
        return merge_track(
            gathered,
            track,
            chromsizes,
            unscored,
            Path(output_dir) / f"{track}.bw",
            None if seams_dir is None else Path(seams_dir) / f"{track}.tsv",
            regions=regions,
            seam_tolerance=seam_tolerance,
            compress_threads=1,
        )

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(merge_one, names))


def scored_pieces(block: Block, holes: np.ndarray) -> list[tuple[int, int]]:
    """The stretches of a block outside `holes` (int64 (n, 2), merged), as (start, end) in bp."""
    first = np.searchsorted(holes[:, 1], block.start, side="right")
    last = np.searchsorted(holes[:, 0], block.end, side="left")
    if first >= last:
        return [(block.start, block.end)]
    pieces = subtract([[block.start, block.end]], holes[first:last])
    return [(start, end) for start, end in pieces.tolist()]


def _seam_candidates(block: Block, regions: IntervalMap | None) -> np.ndarray:
    starts = block.cores[:, 0]
    if regions is None or block.chrom not in regions:
        return starts
    return starts[~np.isin(starts, regions[block.chrom][:, 0])]


def _whole_and_cut_bins(
    origin: int, start: int, end: int, step: int
) -> Iterator[tuple[int, int, int, int]]:
    """Cut [start, end) where its first bin is not whole: (start, end, first bin, last bin)."""
    first, offset = divmod(start - origin, step)
    if offset:
        cut = min(end, origin + (first + 1) * step)
        yield start, cut, first, first + 1
        start, first = cut, first + 1
    if start < end:
        yield start, end, first, n_bins(origin, end, step)
