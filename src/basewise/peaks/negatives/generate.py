"""From peaks to a table of negatives, for every kind; and how well it went."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from os import PathLike

import numpy as np
import pandas as pd
import pyarrow as pa

from basewise.errors import BasewiseError
from basewise.genome import Genome, Sequences
from basewise.intervals import IntervalMap, read_bed
from basewise.labels.annotation import Aliases
from basewise.labels.starts import read_gene_starts
from basewise.peaks.negatives.by_scope import Drawn, draw_each_scope
from basewise.peaks.negatives.ground import Ground, NegativeReport
from basewise.peaks.negatives.settings import NegativeSettings
from basewise.peaks.negatives.source import Peaks
from basewise.peaks.negatives.table import (
    ROWS_PER_GROUP,
    join_tables,
    make_table,
    write_tables,
)
from basewise.peaks.negatives.unscoped import draw_unscoped
from basewise.peaks.store import PeakStore

logger = logging.getLogger(__name__)

Places = IntervalMap | str | PathLike | None


def draw_negatives(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, *, seed: int
) -> tuple[pd.DataFrame, NegativeReport]:
    """Negatives in memory: chrom, start, end, kind, experiment, target, biotype; and a report.

    Those of kinds without scopes are sorted by chrom and start and have empty names; others come
    scope after scope (by target, biotype, experiment), each sorted likewise. What is drawn for a
    scope depends on the seed, the kind, its names, its own peaks and what all scopes share (for
    hard ones, the candidates), not on which other scopes there are.

    Raises:
        BasewiseError: See `generate_negatives`.
    """
    report = NegativeReport(settings.kind, settings.width_bp)
    tables = list(draw_tables(peaks, ground, settings, seed, report))
    return join_tables(tables).to_pandas(), report


def generate_negatives(
    peaks: Peaks | str | PathLike,
    output: str | PathLike,
    *,
    settings: NegativeSettings,
    seed: int,
    chroms: Sequence[str] | None = None,
    blacklist: Places = None,
    gaps: Places = None,
    genome: Sequences | str | PathLike | None = None,
    annotation: str | PathLike | None = None,
    aliases: Aliases = None,
) -> NegativeReport:
    """Draw negatives and write them as Parquet, whole or not at all.

    Args:
        peaks: A peak store, its path, or peaks in memory.
        output: The Parquet file; its metadata hold settings, seed and report.
        settings: What is wanted.
        seed: Equal seeds give equal negatives.
        chroms: Chroms they may lie on; all when None.
        blacklist, gaps: BED files or intervals by chrom.
        genome: FASTA (soft-masked, to match repeats).
        annotation: GTF or GFF3, to match the distance to gene starts.
        aliases: Other names of chroms in it; see `read_annotation`.

    Raises:
        BasewiseError: More negatives than fit (with the room, or the scopes that fell short), a
            chrom shorter than a window around one of its peaks, an unknown chrom, something
            missing that the settings need.
    """
    began = time.perf_counter()
    if isinstance(peaks, str | PathLike):
        peaks = PeakStore(peaks)
    if isinstance(genome, str | PathLike):
        genome = Genome(genome)
    sizes = peaks.chromsizes
    ground = Ground(
        sizes,
        chroms,
        _intervals(blacklist, sizes),
        _intervals(gaps, sizes),
        genome,
        {} if annotation is None else read_gene_starts(annotation, sizes, aliases),
    )
    report = NegativeReport(settings.kind, settings.width_bp)
    metadata: dict = {"settings": asdict(settings), "seed": seed}

    def pieces() -> Iterator[pa.Table]:
        yield from draw_tables(peaks, ground, settings, seed, report)
        metadata["report"] = asdict(report)

    write_tables(pieces(), output, metadata)
    logger.info(
        "%s: %d %s negatives of %d bp in %.1f s%s%s",
        output,
        report.n,
        report.kind,
        report.width_bp,
        time.perf_counter() - began,
        "" if report.room is None else f", of {report.room} that fit",
        "" if report.l1_distance is None else f", L1 from the peaks {report.l1_distance:.4f}",
    )
    if report.short:
        logger.warning(
            "fewer than wanted for %d scopes: %s", len(report.short), report.describe_short()
        )
    return report


def _intervals(places: Places, chromsizes: Mapping[str, int]) -> IntervalMap:
    if places is None:
        return {}
    return read_bed(places, chromsizes) if isinstance(places, str | PathLike) else places


def draw_tables(
    peaks: Peaks, ground: Ground, settings: NegativeSettings, seed: int, report: NegativeReport
) -> Iterator[pa.Table]:
    """Yield the negatives piece by piece, some scopes at a time, and fill the report."""
    if not settings.is_scoped:
        yield draw_unscoped(peaks, ground, settings, seed, report)
        return
    waiting: list[Drawn] = []
    n_waiting = 0
    for drawn in draw_each_scope(peaks, ground, settings, seed):
        waiting.append(drawn)
        n_waiting += len(drawn.start)
        if len(drawn.start) < drawn.wanted:
            report.short[".".join(drawn.scope)] = (len(drawn.start), drawn.wanted)
        if n_waiting >= ROWS_PER_GROUP:
            yield _table_of(waiting, ground, settings)
            report.n, n_waiting, waiting = report.n + n_waiting, 0, []
    if waiting:
        yield _table_of(waiting, ground, settings)
    report.n += n_waiting
    if report.short and settings.when_short == "error":
        raise BasewiseError(
            f"{len(report.short)} scopes have no room for the {settings.kind} negatives of "
            f"{settings.width_bp:,} bp wanted",
            found=report.describe_short(),
            hint="Ask for fewer, avoid less, or set when_short to fewer",
        )


def _table_of(drawn: Sequence[Drawn], ground: Ground, settings: NegativeSettings) -> pa.Table:
    return make_table(
        ground.chroms,
        np.concatenate([one.chrom for one in drawn]),
        np.concatenate([one.start for one in drawn]),
        width_bp=settings.width_bp,
        kind=settings.kind,
        scopes=[one.scope for one in drawn],
        n_of_scope=[len(one.start) for one in drawn],
    )
