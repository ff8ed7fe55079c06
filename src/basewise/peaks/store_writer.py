"""Writing a peak store: peaks in any order, of any number, become one directory, whole or absent.

Peaks are set aside by chrom, then each chrom is sorted and written, and set aside again by scope
for the second order. Memory holds one chrom at a time, 20 bytes a peak and what sorting needs.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.atomic import scratch_directory
from basewise.errors import BasewiseError
from basewise.peaks.spill import RECORD, Spill
from basewise.peaks.store import (
    BY_SCOPE_NAME,
    NAMES,
    SCOPES_NAME,
    STORE_NAME,
    VERSION,
    chrom_path,
)

RECORD_WITH_CHROM = np.dtype([("chrom", "<i4"), *RECORD.descr])
CHROM_GROUP_ROWS = 1 << 20
SCOPE_GROUP_ROWS = 1 << 17
BUCKET_ROWS = 1 << 21

ScopeName = tuple[str, str, str, str]  # experiment, target, biotype, modification


@contextmanager
def store_directory(output: str | PathLike) -> Iterator[Path]:
    """Yield a directory to fill; it takes the place of the output at the end, or vanishes."""
    output = Path(output)
    with scratch_directory(output) as scratch:
        folder = scratch / "new"
        folder.mkdir()
        yield folder
        for path in (path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        if output.is_dir() and not output.is_symlink():
            os.replace(output, scratch / "old")
        elif output.exists():
            raise BasewiseError(f"{output} is a file, and a peak store is a directory")
        os.replace(folder, output)


def write_chroms(
    folder: Path,
    scratch: Path,
    by_chrom: Iterable[tuple[str, np.ndarray]],
    scopes: Sequence[ScopeName],
    counts: np.ndarray,
    chromsizes: Mapping[str, int],
    metadata: Mapping,
) -> None:
    """Write the files of a store but that of its catalogue.

    Args:
        folder: an empty directory.
        scratch: a directory for what is set aside.
        by_chrom: (chrom, records (n,) in any order), each chrom once, in the order of chromsizes.
        scopes: names by the scope of the records.
        counts: int64 (len(scopes),) peaks of each scope; those without any are left out.
    """
    ranks, table = _rank_scopes(scopes, counts)
    buckets = table["first_row"].to_numpy() // BUCKET_ROWS
    codes = {chrom: code for code, chrom in enumerate(chromsizes)}
    spill = Spill(scratch / "scopes", RECORD_WITH_CHROM)
    (folder / "chroms").mkdir()
    n_peaks = {}
    for chrom, records in by_chrom:
        records["scope"] = ranks[records["scope"]]
        records = records[order_of(records)]
        n_peaks[chrom] = len(records)
        path = chrom_path(folder, chrom)
        _write_parquet(path, [records], RECORD, CHROM_GROUP_ROWS)
        tagged = np.empty(len(records), RECORD_WITH_CHROM)
        for name in RECORD.names:
            tagged[name] = records[name]
        tagged["chrom"] = codes[chrom]
        spill.append_by(buckets[tagged["scope"]], tagged)
        del records, tagged
    if not n_peaks:
        raise BasewiseError("there is no peak to store")
    parts = (_by_scope(spill.load(bucket)) for bucket in spill.partitions)
    _write_parquet(folder / BY_SCOPE_NAME, parts, RECORD_WITH_CHROM, SCOPE_GROUP_ROWS)
    pq.write_table(
        pa.Table.from_pandas(table, preserve_index=False), folder / SCOPES_NAME, compression="zstd"
    )
    header = {
        "version": VERSION,
        "chromsizes": dict(chromsizes),
        "counts": n_peaks,
        "metadata": dict(metadata),
    }
    (folder / STORE_NAME).write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")


def order_of(records: np.ndarray) -> np.ndarray:
    """The order by start, end, scope, falling score, summit: int64 (n,); equal rows alone tie."""
    key = records["start"].astype(np.int64) << 32 | records["end"]
    order = np.argsort(key)
    key = key[order]
    is_same = np.append(False, key[1:] == key[:-1])
    is_tied = is_same | np.append(is_same[1:], False)
    tied = np.flatnonzero(is_tied)
    if len(tied):
        rows = records[order[tied]]
        keys = (rows["summit"], -rows["score"], rows["scope"], key[tied])
        order[tied] = order[tied][np.lexsort(keys)]
    return order


def _rank_scopes(
    scopes: Sequence[ScopeName], counts: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame]:
    """New index of each scope, by target, biotype, experiment; and the table of those kept."""
    kept = [i for i in range(len(scopes)) if counts[i]]
    kept.sort(key=lambda i: (scopes[i][1], scopes[i][2], scopes[i][0], scopes[i][3]))
    ranks = np.full(len(scopes), -1, dtype=np.int32)
    ranks[kept] = np.arange(len(kept))
    table = pd.DataFrame([scopes[i] for i in kept], columns=list(NAMES), dtype="str")
    table["n_peaks"] = counts[kept].astype(np.int64)
    table["first_row"] = np.cumsum(table["n_peaks"]) - table["n_peaks"]
    return ranks, table


def _by_scope(records: np.ndarray) -> np.ndarray:
    return records[np.argsort(records["scope"], kind="stable")]


def _write_parquet(
    path: Path, parts: Iterable[np.ndarray], dtype: np.dtype, group_rows: int
) -> None:
    schema = pa.schema([(name, pa.from_numpy_dtype(dtype[name])) for name in dtype.names])
    encodings = {
        name: "BYTE_STREAM_SPLIT" if dtype[name].kind == "f" else "DELTA_BINARY_PACKED"
        for name in dtype.names
    }
    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
    with pq.ParquetWriter(path, schema, column_encoding=encodings, **options) as writer:
        for records in parts:
            columns = [np.ascontiguousarray(records[name]) for name in dtype.names]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=group_rows)
