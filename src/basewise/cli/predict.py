"""``basewise predict``: tracks of sequences, as one array file or as bigWigs."""

import argparse
import logging
import os
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path, scratch_directory
from basewise.checkpoints import choose_tracks, read_config, read_tile_spec
from basewise.errors import BasewiseError
from basewise.genome import Genome
from basewise.intervals import as_intervals, merge, read_bed, read_bed_records
from basewise.species import explain_untrained
from basewise.tiling import MAX_AMBIGUOUS_RUN_BP, check_regions, plan_shards

MOST_NPZ_BYTES = 8 * 2**30  # which are held in memory twice

logger = logging.getLogger(__name__)


def add_parser(commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "predict",
        help="tracks of a FASTA, as OUT.npz or as bigWigs in a directory",
        description="OUT.npz holds values float32 (n_sequences, bins, tracks), NaN where unscored "
        "or past a shorter sequence's end, with track_names, chrom, start and end. Any other OUT "
        "is a directory that gets one bigWig per track and unscored.bed.gz.",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR")
    parser.add_argument("--fasta", required=True, metavar="FA")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--region",
        action="append",
        metavar="CHROM:START-END",
        help="0-based, half-open, like everything in basewise; may be repeated",
    )
    where.add_argument("--bed", metavar="BED", help="the regions of a BED file")
    parser.add_argument("--out", required=True, metavar="OUT.npz|OUT_DIR")
    parser.add_argument("--tracks", nargs="+", metavar="TRACK", help="keep only these")
    parser.add_argument(
        "--species",
        metavar="NAME",
        help="of the FASTA, common or scientific; warns if the model was not trained on it",
    )
    parser.add_argument("--strands", choices=("forward", "both"), default="forward")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--platform", choices=("auto", "cpu", "gpu", "tpu"), default="auto")
    parser.add_argument("--batch-size", type=int, default=8, help="tiles per device and call")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Predict into an array file or a directory of bigWigs."""
    config = read_config(arguments.checkpoint)
    choose_tracks(config, arguments.tracks)
    _warn_of_species(config, arguments.species)
    genome = Genome(arguments.fasta)
    regions = _read_regions(arguments, genome.chromsizes)
    if arguments.out.endswith(".npz"):
        _write_npz(arguments, genome, regions)
    else:
        _write_bigwigs(arguments, genome, regions)


def parse_region(text: str) -> tuple[str, int, int]:
    """Return (chrom, start, end) of ``chrom:start-end``; thousands may be set off by commas.

    Raises:
        BasewiseError: the text is not a region.
    """
    chrom, _, span = text.rpartition(":")
    start, _, end = span.replace(",", "").partition("-")
    if not (chrom and start.isdecimal() and end.isdecimal() and int(start) < int(end)):
        raise BasewiseError(
            "a region is CHROM:START-END with START < END", found=repr(text), hint="0-based."
        )
    return chrom, int(start), int(end)


def _warn_of_species(config: dict, species: str | None) -> None:
    trained_on = config.get("trained_on", "")
    line = explain_untrained(
        config["name"], config["species"], species or "", trained_on=trained_on
    )
    if line:
        logger.warning("%s", line)


def _read_regions(arguments, chromsizes: dict[str, int]) -> list[tuple[str, int, int]]:
    if arguments.region:
        regions = [parse_region(text) for text in arguments.region]
    elif arguments.bed:
        regions = [tuple(record[:3]) for _, record in read_bed_records(arguments.bed)]
    else:
        return [(chrom, 0, size) for chrom, size in chromsizes.items()]
    check_regions(regions, chromsizes)
    return regions


def _write_npz(arguments, genome: Genome, regions: list[tuple[str, int, int]]) -> None:
    from basewise.inference.annotate import load, stack

    _check_size(arguments, regions)
    annotator = load(
        arguments.checkpoint,
        tracks=arguments.tracks,
        strands=arguments.strands,
        precision=arguments.precision,
        platform=arguments.platform,
        batch_size=arguments.batch_size,
    )
    values = annotator.predict_regions(genome, regions)
    names = [track.name for track in annotator.tracks]
    with atomic_path(arguments.out) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            values=stack(values, n_tracks=len(names)),
            track_names=np.array(names),
            chrom=np.array([chrom for chrom, _, _ in regions]),
            start=np.array([start for _, start, _ in regions], np.int64),
            end=np.array([end for _, _, end in regions], np.int64),
        )


def _check_size(arguments, regions: list[tuple[str, int, int]]) -> None:
    """Refuse an array that no memory holds, before anything is computed."""
    n_tracks = len(choose_tracks(read_config(arguments.checkpoint), arguments.tracks))
    resolution_bp = read_tile_spec(arguments.checkpoint).resolution_bp
    longest = max((end - start for _, start, end in regions), default=0) / resolution_bp
    size = len(regions) * longest * n_tracks * np.dtype(np.float32).itemsize
    if size > MOST_NPZ_BYTES:
        raise BasewiseError(
            f"{arguments.out} would be too large for one array, all regions as long as the longest",
            found=f"{size / 2**30:,.1f} GiB, {MOST_NPZ_BYTES / 2**30:.0f} GiB at most",
            hint="Name a directory for bigWigs, or fewer regions or tracks.",
        )


def _write_bigwigs(arguments, genome: Genome, regions: list[tuple[str, int, int]]) -> None:
    from basewise.inference import predict_shard
    from basewise.tracks.merge import merge_tracks

    by_chrom: dict[str, list[tuple[int, int]]] = {}
    for chrom, start, end in regions:
        by_chrom.setdefault(chrom, []).append((start, end))
    within = {chrom: merge(as_intervals(intervals)) for chrom, intervals in by_chrom.items()}
    out = Path(arguments.out)
    with scratch_directory(out) as folder:
        tiles, shard, scored = (folder / name for name in ("tiles.bed", "shard", "regions"))
        finished = folder / "finished"
        finished.mkdir()
        plan_shards(
            arguments.fasta,
            read_tile_spec(arguments.checkpoint),
            outputs=[tiles],
            regions=scored,
            unscored=finished / "unscored.bed.gz",
            max_ambiguous_run_bp=MAX_AMBIGUOUS_RUN_BP,
            within=within,
        )
        predict_shard(
            tiles=tiles,
            genome=arguments.fasta,
            checkpoint=arguments.checkpoint,
            output=shard,
            tracks=arguments.tracks,
            strands=arguments.strands,
            precision=arguments.precision,
            platform=arguments.platform,
            batch_size=arguments.batch_size,
        )
        merge_tracks(
            [shard],
            None,
            finished,
            genome.chromsizes,
            finished / "unscored.bed.gz",
            regions=read_bed(scored, genome.chromsizes),
            threads=2,
        )
        out.mkdir(exist_ok=True)
        for path in finished.iterdir():
            os.replace(path, out / path.name)
