"""Peaks that filters dropped of targets that are left: places that are neither bound nor free.

A peak of one experiment of two, or of a low score, is no positive; but nor is it a place where its
target does not bind, as ENCODE-DREAM has it (ambiguous bins). They are kept beside the peaks, by
target without its modification and biotype, for those of which peaks are left. Not among them are
peaks dropped for where they lie: on a chrom that is not asked for, or on the blacklist.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

from basewise.intervals import IntervalMap, merge
from basewise.peaks.categories import read_codes
from basewise.peaks.names import Scope, unmodified
from basewise.peaks.spill import Spill

DROPPED_NAME = "dropped.arrow"
COLUMNS = ("chrom", "start", "end", "target", "biotype")
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")
_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema([(name, pa.int32() if name in ("start", "end") else _TEXT) for name in COLUMNS])
_RECORD = np.dtype([("form", "<i4"), ("start", "<i4"), ("end", "<i4")])


class DroppedPeaks:
    """Dropped peaks of a catalogue that is filtered, set aside on disk by chrom.

    Args:
        folder: for what is set aside.
        scopes: by the scope of the records.
        is_asked: bool (n,), which of the first n scopes no filter leaves out by name.
    """

    def __init__(self, folder: Path, scopes: Sequence[Scope], is_asked: np.ndarray):
        keys = [(unmodified(scope.target), scope.biotype) for scope in scopes]
        asked = dict.fromkeys(keys[i] for i in np.flatnonzero(is_asked))
        numbers = {key: number for number, key in enumerate(asked)}
        self._forms = list(numbers)
        self._of_scope = np.array([numbers.get(key, -1) for key in keys], dtype=np.int32)
        self._spill = Spill(folder, _RECORD)

    def add(self, chrom: int, records: np.ndarray, is_dropped: np.ndarray | None = None) -> None:
        """Note those of some records of a chrom that are dropped; all of them if not said."""
        forms = self._of_scope[records["scope"]]
        chosen = forms >= 0 if is_dropped is None else (forms >= 0) & is_dropped
        dropped = np.empty(np.count_nonzero(chosen), _RECORD)
        dropped["form"] = forms[chosen]
        for name in ("start", "end"):
            dropped[name] = records[name][chosen]
        self._spill.append(chrom, dropped)

    def write(self, folder: Path, chromsizes: Mapping[str, int], is_left: np.ndarray) -> None:
        """Write the bases under those of targets and biotypes of which a scope is left.

        Args:
            folder: of the store.
            is_left: bool (n_scopes,).
        """
        has_peaks = np.zeros(len(self._forms), dtype=bool)
        has_peaks[self._of_scope[is_left]] = True
        names = {"chrom": list(chromsizes)}
        codes = {"chrom": np.arange(len(chromsizes), dtype=np.int32)}
        for place, column in enumerate(("target", "biotype")):
            own = pd.Categorical([form[place] for form in self._forms])
            names[column], codes[column] = own.categories, own.codes.astype(np.int32)
        names = {column: pa.array(list(own), pa.string()) for column, own in names.items()}
        with (
            pa.OSFile(str(folder / DROPPED_NAME), "wb") as file,
            pa.ipc.new_file(file, _SCHEMA, options=_OPTIONS) as writer,
        ):
            for chrom in self._spill.partitions:
                records = self._spill.load(chrom)
                form, start, end = _merge_forms(records[has_peaks[records["form"]]])
                numbers = {"chrom": np.full(len(form), chrom), "target": form, "biotype": form}
                columns = {
                    column: pa.DictionaryArray.from_arrays(codes[column][own], names[column])
                    for column, own in numbers.items()
                } | {"start": pa.array(start), "end": pa.array(end)}
                batch = [columns[column] for column in COLUMNS]
                writer.write_batch(pa.record_batch(batch, schema=_SCHEMA))


def no_dropped(chromsizes: Mapping[str, int]) -> pd.DataFrame:
    """No dropped peak, as `read_dropped` has them."""
    nothing = {name: pd.Categorical([], categories=[]) for name in ("target", "biotype")}
    places = {name: np.empty(0, np.int32) for name in ("start", "end")}
    chrom = pd.Categorical([], categories=list(chromsizes))
    return pd.DataFrame({"chrom": chrom, **places, **nothing}, columns=list(COLUMNS))


def read_dropped(folder: Path) -> pd.DataFrame:
    """Dropped peaks: chrom, start, end (int32, bp), target (unmodified), biotype (categories)."""
    return feather.read_table(folder / DROPPED_NAME).to_pandas()


def dropped_intervals(
    dropped: pd.DataFrame, *, target: str | None = None, biotype: str | None = None
) -> IntervalMap:
    """The bases under dropped peaks, of any form of a target, of a biotype, or of all.

    Chrom → int64 (n, 2), sorted, disjoint. Chroms without such a peak have no entry.
    """
    if target is not None:
        dropped = dropped[(dropped["target"] == unmodified(target)).to_numpy()]
    if biotype is not None:
        dropped = dropped[(dropped["biotype"] == biotype).to_numpy()]
    codes, names = read_codes(dropped["chrom"])
    spans = np.column_stack([dropped[name].to_numpy(np.int64) for name in ("start", "end")])
    return {names[code]: merge(spans[codes == code]) for code in np.unique(codes)}


def write_dropped(dropped: pd.DataFrame, path: Path) -> None:
    """Write dropped peaks so that `read_dropped` finds them."""
    table = pa.Table.from_pandas(dropped[list(COLUMNS)], preserve_index=False)
    feather.write_feather(table, path, compression="zstd")


def _merge_forms(records: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Form, start and end int32 (m,) of records without overlaps in a form, sorted by both."""
    stride = int(records["end"].max(initial=0)) + 2  # forms lie apart on one line
    offset = records["form"].astype(np.int64) * stride
    merged = merge(np.column_stack((records["start"] + offset, records["end"] + offset)))
    form = merged[:, 0] // stride
    return form, *(merged - (form * stride)[:, None]).T.astype(np.int32)
