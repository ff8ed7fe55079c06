"""Training and evaluation windows: peaks and negatives of one width, by split, as Parquet.

A peak is a window around its summit with label 1 and its score; a negative has label 0 and score
0. A negative without a scope is given one of the peaks' scopes, in proportion to their peaks, so
that a target's name does not tell the label.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError, nearest
from basewise.peaks.dropped import DROPPED_NAME, write_dropped
from basewise.peaks.negatives.source import NAMES, Peaks
from basewise.peaks.placing import check_widths, place_windows
from basewise.peaks.scopes import ScopeTable
from basewise.peaks.splits import UNUSED, SplitRules, assign_splits, count_splits
from basewise.peaks.store import PeakStore

logger = logging.getLogger(__name__)

COLUMNS = (
    *("chrom", "start", "end", "label", "kind", *NAMES),
    *("score", "n_peaks", "split", "peak_start", "peak_end"),
)
_TYPES = {name: pa.int32() for name in ("start", "end", "peak_start", "peak_end")}
_TYPES |= {"label": pa.uint8()}
_TYPES |= {"score": pa.float32(), "n_peaks": pa.int64()}
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(name, _TYPES.get(name, _TEXT)) for name in COLUMNS])
PEAK = "peak"
NO_PEAK = -1  # where the peak of a negative reaches


def make_windows(
    peaks: Peaks | str | PathLike,
    negatives: Sequence[pd.DataFrame | str | PathLike],
    output: str | PathLike,
    *,
    width_bp: int,
    rules: SplitRules,
    seed: int,
    centre: str = "summit",
    chroms: Sequence[str] | None = None,
    n_peaks: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Write the windows of every split that the rules make, each to `<output>/<split>.parquet`.

    Beside them, dropped.arrow has what filters dropped of the peaks (see `read_dropped`), where a
    window is no negative of their target.

    Columns: chrom, start, end (int32, bp), label (uint8), kind ("peak", or the negative's),
    experiment, target, biotype, score (float32), n_peaks (int64), split, peak_start and peak_end
    (int32, bp; how far the peak reaches, -1 for negatives); by chrom and start.

    Args:
        peaks: A peak store, its path, or peaks in memory.
        negatives: Tables or Parquet files, as `generate_negatives` writes them; wider ones are
            cut to their middle.
        output: The folder.
        width_bp: Width of every window.
        rules: What is held out.
        seed: Of the scopes that negatives without one are given.
        centre: What windows of peaks are centred on; see `place_windows`.
        chroms: The chroms wanted; all with peaks when None.
        n_peaks: EXPERIMENT.TARGET.BIOTYPE → non-redundant peaks (see `read_experiments`); data
            sets that it lacks, and all without it, have the number of their peaks in the store.

    Returns:
        split, kind and n, a row each; windows in no split are counted as "unused".

    Raises:
        BasewiseError: A chrom with peaks shorter than a window, negatives narrower than a window
            or of other scopes, a name held out that does not exist, no window left to train on.
    """
    if isinstance(peaks, str | PathLike):
        peaks = PeakStore(peaks)
    table = ScopeTable(peaks, n_peaks)
    chosen = _choose_chroms(peaks, chroms)
    check_widths(chosen, peaks.chromsizes, width_bp)
    rules.check(chosen, table.categories["target"], table.categories["biotype"])
    tables = [
        table.read_negatives(negative, width_bp=width_bp, seed=seed, number=number)
        for number, negative in enumerate(negatives)
    ]
    counts: list[pd.DataFrame] = []
    metadata = {"width_bp": width_bp, "centre": centre, "seed": seed, "rules": asdict(rules)}
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(
                pq.ParquetWriter(
                    stack.enter_context(atomic_path(Path(output) / f"{split}.parquet")),
                    SCHEMA.with_metadata({"basewise": json.dumps(metadata)}),
                )
            )
            for split in rules.names
        }
        write_dropped(
            peaks.dropped(), stack.enter_context(atomic_path(Path(output) / DROPPED_NAME))
        )
        for windows in _by_chrom(peaks, tables, table, chosen, width_bp, centre):
            windows["split"] = assign_splits(windows, rules)
            counts.append(count_splits(windows))
            for split, rows in windows.groupby("split", observed=True):
                if split != UNUSED:
                    writers[split].write_table(_as_arrow(rows))
        total = _sum_counts(counts)
        if not (total["split"] == "train").any():
            raise BasewiseError(
                "no window is left to train on",
                found=", ".join(f"{n} in {split}" for split, _, n in total.itertuples(index=False)),
                hint="Hold out fewer chroms, targets or biotypes",
            )
    logger.info("%s: %s", output, total.to_dict("records"))
    return total


def _choose_chroms(peaks: Peaks, chroms: Sequence[str] | None) -> list[str]:
    if chroms is not None:
        for chrom in chroms:
            if chrom not in peaks.chromsizes:
                raise BasewiseError(
                    f"the genome has no chrom {chrom!r}", hint=nearest(chrom, peaks.chromsizes)
                )
    return [chrom for chrom in peaks.chroms if chroms is None or chrom in chroms]


def _by_chrom(
    peaks: Peaks,
    negatives: Sequence[pd.DataFrame],
    table: ScopeTable,
    chroms: Sequence[str],
    width_bp: int,
    centre: str,
) -> Iterator[pd.DataFrame]:
    """Yield all windows of each chrom, sorted by start."""
    kinds = list(
        dict.fromkeys([PEAK, *(str(kind) for rows in negatives for kind in rows["kind"].unique())])
    )
    for chrom in chroms:
        rows = peaks.read(chrom=chrom, columns=("start", "end", "summit", "score", *NAMES))
        start = place_windows(
            *(rows[name].to_numpy() for name in ("start", "end", "summit")),
            size_bp=peaks.chromsizes[chrom],
            width_bp=width_bp,
            centre=centre,
        )
        own = [frame[(frame["chrom"] == chrom).to_numpy()] for frame in negatives]
        start = np.concatenate([start, *(frame["start"].to_numpy() for frame in own)])
        kind = [np.zeros(len(rows), dtype=np.int8)]
        kind += [pd.Categorical(frame["kind"].astype(str), categories=kinds).codes for frame in own]
        kind = np.concatenate(kind)
        scope = np.concatenate([table.find(rows), *(frame["scope"].to_numpy() for frame in own)])
        score, *extent = (
            np.append(rows[name].to_numpy(dtype), np.full(len(start) - len(rows), none, dtype))
            for name, dtype, none in (
                ("score", np.float32, 0),
                ("start", np.int32, NO_PEAK),
                ("end", np.int32, NO_PEAK),
            )
        )
        order = np.argsort(start, kind="stable")
        start, kind, scope, score = start[order], kind[order], scope[order], score[order]
        yield pd.DataFrame(
            {
                "chrom": pd.Categorical.from_codes(np.zeros(len(start), np.int8), [chrom]),
                "start": start.astype(np.int32),
                "end": (start + width_bp).astype(np.int32),
                "label": (kind == 0).astype(np.uint8),
                "kind": pd.Categorical.from_codes(kind, kinds),
                **{
                    name: pd.Categorical.from_codes(
                        table.codes[name][scope], table.categories[name]
                    )
                    for name in NAMES
                },
                "score": score,
                "n_peaks": table.n_peaks[scope],
                "peak_start": extent[0][order],
                "peak_end": extent[1][order],
            }
        )


def _as_arrow(rows: pd.DataFrame) -> pa.Table:
    columns = []
    for name in COLUMNS:
        values = rows[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            names = pa.array(list(map(str, values.cat.categories)), pa.string())
            codes = pa.array(values.cat.codes.to_numpy().astype(np.int32))
            columns.append(pa.DictionaryArray.from_arrays(codes, names))
        else:
            columns.append(pa.array(values.to_numpy()))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _sum_counts(counts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not counts:
        return pd.DataFrame({"split": [], "kind": [], "n": []})
    joined = pd.concat(counts).astype({"split": str, "kind": str})
    return joined.groupby(["split", "kind"], sort=False)["n"].sum().reset_index()
