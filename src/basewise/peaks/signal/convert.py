"""A bigWig becomes a memory map of bins, once for as long as it stays the same.

The JSON beside the bins is removed before they change and written after them, so where it is,
both are whole and belong together.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.genome.aliases import Synonyms, resolve_aliases
from basewise.genome.checksum import Digest
from basewise.peaks.signal.binned import LAYOUT, read_sidecar
from basewise.tracks.bigwig.binning import bin_values
from basewise.tracks.bigwig.blocks import BigWigBlocks

logger = logging.getLogger(__name__)

SPAN_BINS = 1 << 20  # bins made at a time: memory stays the same however long the chrom


def match_chroms(
    bigwig: BigWigBlocks,
    chromsizes: Mapping[str, int],
    aliases: str | os.PathLike | list[Synonyms] | None = None,
) -> dict[str, str]:
    """{our chrom: the bigWig's name of it}, in our order, without chroms that the bigWig lacks.

    Raises:
        BasewiseError: A chrom has another size than ours, two of its chroms are one of ours, or
            there is none in common.
    """
    theirs: dict[str, str] = {}
    for name, chrom in resolve_aliases(bigwig.chromsizes, chromsizes, aliases).items():
        if chrom in theirs:
            raise BasewiseError(
                f"{bigwig.path} has two chroms that are {chrom}", found=f"{theirs[chrom]}, {name}"
            )
        if bigwig.chromsizes[name] != chromsizes[chrom]:
            raise BasewiseError(
                f"{bigwig.path}: chrom {name} has another size than in the assembly",
                found=f"{bigwig.chromsizes[name]} bp, not {chromsizes[chrom]} bp",
                hint="Is the file of another assembly?",
            )
        theirs[chrom] = name
    if not theirs:
        raise BasewiseError(
            f"{bigwig.path} has no chrom of the assembly",
            found=", ".join(list(bigwig.chromsizes)[:5]) or "no chrom",
            hint="Name its chroms in a table of aliases, if it is of this assembly",
        )
    return {chrom: theirs[chrom] for chrom in chromsizes if chrom in theirs}


def bin_bigwig(
    source: str | os.PathLike,
    output: str | os.PathLike,
    chromsizes: Mapping[str, int],
    *,
    resolution_bp: int,
    statistic: str = "mean",
    aliases: str | os.PathLike | list[Synonyms] | None = None,
) -> bool:
    """Write the bins of a bigWig to `output` (.npy) and the JSON beside it, unless they are there.

    They are kept when they were made with the same settings of a file with the same size and time
    of change, or else with the same sha256.

    Args:
        source: The bigWig.
        output: The .npy to write.
        chromsizes: Chrom lengths of the assembly, in bp; the bins follow their order. Chroms the
            bigWig lacks get no bins.
        resolution_bp: Width of a bin; bins start at 0 of each chrom, the last may be narrower.
        statistic: "mean" over the bases that have a value, "sum" or "max".
        aliases: A table of chrom names beside the built-in guesses.

    Returns:
        Whether the bigWig was read; False where the bins were there already.

    Raises:
        BasewiseError: As `BigWigBlocks`, `match_chroms` and `bin_values`, or the disk is full.
    """
    source, output = Path(source), Path(output)
    sidecar = output.with_suffix(".json")
    with BigWigBlocks(source) as bigwig:
        chroms, first = {}, 0
        for chrom, name in match_chroms(bigwig, chromsizes, aliases).items():
            n_bins = -(-chromsizes[chrom] // resolution_bp)
            chroms[chrom] = {"size_bp": chromsizes[chrom], "first_bin": first, "n_bins": n_bins}
            chroms[chrom]["name_in_source"] = name
            first += n_bins
        wanted = {
            "layout": LAYOUT,
            "resolution_bp": resolution_bp,
            "statistic": statistic,
            "n_bins": first,
            "chroms": chroms,
        }
        status = source.stat()
        stamp = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        kept = read_sidecar(sidecar) if output.is_file() else {}
        is_same = {key: kept.get(key) for key in wanted} == wanted
        known = kept.get("source", {})
        if is_same and {key: known.get(key) for key in stamp} == stamp:
            return False
        sha256 = Digest().update_file(source).sha256
        made_of = {"name": source.name, "sha256": sha256} | stamp
        if is_same and known.get("sha256") == sha256:
            _write_sidecar(sidecar, wanted | {"source": made_of})
            return False
        sidecar.unlink(missing_ok=True)
        with atomic_path(output) as temporary:
            bins = np.lib.format.open_memmap(temporary, "w+", np.dtype("<f4"), (first,))
            for chrom in chroms.values():
                _fill(bins, bigwig, chrom, resolution_bp, statistic)
            bins.flush()
            del bins
        _write_sidecar(sidecar, wanted | {"source": made_of})
    logger.info("%s: %d bins of %d bp from %s", output, first, resolution_bp, source)
    return True


def _fill(bins, bigwig: BigWigBlocks, chrom: dict, resolution_bp: int, statistic: str) -> None:
    for first in range(0, chrom["n_bins"], SPAN_BINS):
        last = min(first + SPAN_BINS, chrom["n_bins"])
        bins[chrom["first_bin"] + first : chrom["first_bin"] + last] = bin_values(
            bigwig,
            chrom["name_in_source"],
            first * resolution_bp,
            min(last * resolution_bp, chrom["size_bp"]),
            resolution_bp=resolution_bp,
            statistic=statistic,
        )


def _write_sidecar(path: Path, record: dict) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")
