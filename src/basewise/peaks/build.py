"""From a catalogue to a peak store in one pass over the file: parse, filter, store, count.

Rows are set aside on disk by chrom while the file is read, so that its chrom names can be told
from all of them, and rows may come in any order. Memory holds the rows of one chrom at a time.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.atomic import scratch_directory
from basewise.errors import BasewiseError
from basewise.genome.aliases import Aliases, resolve_aliases
from basewise.genome.fetch import local_copy
from basewise.intervals import IntervalMap
from basewise.peaks.beyond import Beyond
from basewise.peaks.catalogue import Catalogue
from basewise.peaks.columns import PeakColumns
from basewise.peaks.dropped import DroppedPeaks
from basewise.peaks.filters import PeakFilters, select_names
from basewise.peaks.funnel import Funnel
from basewise.peaks.names import Scope
from basewise.peaks.proteins import Proteins
from basewise.peaks.remap import find_remap
from basewise.peaks.sieve import KEPT, STEPS, NameFates, sift
from basewise.peaks.spill import RECORD, Spill
from basewise.peaks.store_writer import store_directory, write_chroms
from basewise.peaks.union import find_union, write_union

logger = logging.getLogger(__name__)


def build_store(
    source: str,
    output: str | PathLike,
    *,
    chromsizes: Mapping[str, int],
    columns: PeakColumns | None = None,
    filters: PeakFilters | None = None,
    blacklist: IntervalMap | None = None,
    proteins: Proteins | None = None,
    aliases: Aliases = None,
    checksum: str | None = None,
    max_malformed: float = 0.001,
    max_beyond: float = 0.0001,
    origin: str | None = None,
    funnel_tsv: str | PathLike | None = None,
) -> Funnel:
    """Fetch a catalogue of peaks, filter it and store what is left, and the union of all of it.

    Args:
        source: URL, path, or `remap2022:all` (`nr`, `crm`, or the name of a data set).
        output: the store's directory; one that exists is replaced.
        chromsizes: bp by chrom of the assembly.
        columns: the layout of the source; ReMap's `all` by default.
        filters: what is kept; by default all but duplicates.
        blacklist: intervals by chrom (bp) that no peak may overlap by a base.
        proteins: targets must have a protein in them; None for no such filter.
        aliases: a table of chrom names (see `read_aliases`) beside the built-in guesses.
        checksum: "sha256:<hex>" or "md5:<hex>" of the source.
        max_malformed: greatest share of rows that may be broken; above 0, a single one may.
        max_beyond: greatest share of peaks that may reach past the end of their chrom.
        origin: where the source comes from, if it is a copy; noted in the store with its licence.
        funnel_tsv: where to write the funnel's table.

    Returns:
        The funnel: what each step removed.

    Raises:
        BasewiseError: the source cannot be had or read, too many of its rows are broken, it is of
            another assembly, a filter names what is not there, or no peak is left (names the step
            that removed the last). Nothing is left at `output` then but what was there.
    """
    began = time.perf_counter()
    columns, filters = columns or PeakColumns(), filters or PeakFilters()
    kept_chroms = select_names(chromsizes, filters.chroms, filters.exclude_chroms, "chrom")
    url, licence = find_remap(source)
    funnel = Funnel(STEPS)
    with store_directory(output) as folder, scratch_directory(output) as scratch:
        with local_copy(url, Path(output), checksum) as (path, sha256):
            catalogue = Catalogue(path, columns, max_malformed=max_malformed)
            spill = _spill_rows(catalogue, scratch / "rows")
        funnel.start(catalogue.n_rows)
        funnel.remove("malformed", len(catalogue.malformed))
        by_chrom = _sources_of_chroms(source, catalogue, chromsizes, aliases)
        names = NameFates(catalogue.scopes, filters, proteins)
        sifted = Spill(scratch / "sifted")
        dropped = DroppedPeaks(scratch / "dropped", names.scopes, names.fates == KEPT)
        counts = np.zeros(len(names.scopes), dtype=np.int64)
        beyond = Beyond(source, max_beyond)
        union: IntervalMap = {}
        for partition in set(spill.partitions) - {i for codes in by_chrom.values() for i in codes}:
            funnel.remove("chrom_names", len(spill.load(partition)))
        for code, chrom in enumerate(chromsizes):
            if chrom not in by_chrom:
                continue
            records = np.concatenate([spill.load(partition) for partition in by_chrom[chrom]])
            union[chrom] = find_union(records, chromsizes[chrom])
            records = beyond.drop(records, chrom, chromsizes[chrom], funnel)
            if chrom not in kept_chroms:
                funnel.remove("chroms", len(records))
                continue
            intervals = (blacklist or {}).get(chrom)
            note = partial(dropped.add, code)
            records = sift(records, names, filters, intervals, funnel, note)
            counts += np.bincount(records["scope"], minlength=len(counts))
            sifted.append(code, records)
        beyond.check()
        is_enough = _count_peaks(names.scopes, counts) >= filters.min_peaks
        funnel.remove("min_peaks", int(counts[~is_enough].sum()))
        funnel.check(source)
        chosen = _choose_scopes(sifted, list(chromsizes), is_enough, dropped)
        metadata = {"source": url, "sha256": sha256, "layout": columns.layout, "licence": licence}
        if origin is not None:
            metadata["source"], metadata["licence"] = find_remap(origin)
        metadata = {key: value for key, value in metadata.items() if value}
        counts[~is_enough] = 0
        write_chroms(folder, scratch, chosen, names.scopes, counts, chromsizes, metadata)
        write_union(folder, union, chromsizes)
        dropped.write(folder, chromsizes, counts > 0)
    if funnel_tsv is not None:
        funnel.write(funnel_tsv)
    funnel.log()
    seconds = time.perf_counter() - began
    rate = funnel.n_rows / seconds
    logger.info("%s: %d peaks in %.1f s (%.0f rows/s)", output, funnel.n_peaks, seconds, rate)
    return funnel


def _spill_rows(catalogue: Catalogue, folder: Path) -> Spill:
    """Set the rows of a catalogue aside by the file's chrom; their scope is the name's number."""
    spill = Spill(folder)
    for rows in catalogue.batches():
        records = np.empty(len(rows), RECORD)
        for name in ("start", "end", "summit", "score"):
            records[name] = rows[name]
        records["scope"] = rows["name"]
        spill.append_by(rows["chrom"], records)
    return spill


def _sources_of_chroms(
    source: str,
    catalogue: Catalogue,
    chromsizes: Mapping[str, int],
    aliases: Aliases,
) -> dict[str, list[int]]:
    """The numbers of the file's chrom names that mean each chrom; several may mean one."""
    renamed = resolve_aliases(catalogue.chroms, chromsizes, aliases)
    if not renamed:
        raise BasewiseError(
            f"{source} has no peak on a chrom of the assembly",
            found=f"{', '.join(catalogue.chroms[:5])}; the assembly has "
            f"{', '.join(list(chromsizes)[:5])}",
            hint="Is it of another assembly? If the names differ only, give a table of aliases",
        )
    sources: dict[str, list[int]] = {}
    for number, name in enumerate(catalogue.chroms):
        if name in renamed:
            sources.setdefault(renamed[name], []).append(number)
    return sources


def _count_peaks(scopes: Sequence[Scope], counts: np.ndarray) -> np.ndarray:
    """Peaks of each scope's target in its biotype, of all experiments: int64 (n_scopes,)."""
    numbers: dict[tuple[str, str], int] = {}
    pairs = [numbers.setdefault((s.target, s.biotype), len(numbers)) for s in scopes]
    pairs = np.array(pairs, dtype=np.int64)
    return np.bincount(pairs, weights=counts, minlength=len(numbers)).astype(np.int64)[pairs]


def _choose_scopes(
    sifted: Spill, chroms: list[str], is_enough: np.ndarray, dropped: DroppedPeaks
) -> Iterable[tuple[str, np.ndarray]]:
    """(chrom, records) of the scopes that have enough peaks, without chroms left empty.

    Those of the others are noted as dropped.
    """
    for code in sifted.partitions:
        records = sifted.load(code)
        if not is_enough.all():
            kept = is_enough[records["scope"]]
            dropped.add(code, records, ~kept)
            records = records[kept]
        if len(records):
            yield chroms[code], records
