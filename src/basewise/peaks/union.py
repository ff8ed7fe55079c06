"""The union of a catalogue: the bases under any of its rows, whatever filters leave of them.

Where a target was left out by its name, its peaks are still places that something binds.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.intervals import IntervalMap, merge

UNION_NAME = "catalogue.parquet"
ROWS_AT_ONCE = 1 << 20
_SCHEMA = pa.schema([(name, pa.int32()) for name in ("chrom", "start", "end")])


def find_union(records: np.ndarray, size_bp: int) -> np.ndarray:
    """The bases of one chrom under records with start and end (bp): int64 (m, 2), disjoint.

    What reaches past the chrom's end is cut there. Beside the records, memory holds ROWS_AT_ONCE of
    them and their union.
    """
    union = np.empty((0, 2), dtype=np.int64)
    for first in range(0, len(records), ROWS_AT_ONCE):
        rows = records[first : first + ROWS_AT_ONCE]
        spans = np.column_stack((rows["start"], rows["end"])).astype(np.int64)
        union = merge(np.concatenate((union, np.minimum(spans, size_bp))))
    return union


def write_union(folder: Path, union: IntervalMap, chromsizes: Mapping[str, int]) -> None:
    """Write the union of a store's catalogue: chrom (index into chromsizes), start, end."""
    codes = {chrom: code for code, chrom in enumerate(chromsizes)}
    options = {"compression": "zstd", "use_dictionary": False}
    encodings = dict.fromkeys(_SCHEMA.names, "DELTA_BINARY_PACKED")
    path = folder / UNION_NAME
    with pq.ParquetWriter(path, _SCHEMA, column_encoding=encodings, **options) as writer:
        for chrom, spans in union.items():
            columns = [np.full(len(spans), codes[chrom]), *spans.T]
            columns = [column.astype(np.int32) for column in columns]
            writer.write_table(pa.table(columns, schema=_SCHEMA))


def read_union(folder: Path, chromsizes: Mapping[str, int]) -> IntervalMap:
    """The union of a store's catalogue: chrom → int64 (n, 2), sorted, disjoint."""
    table = pq.read_table(folder / UNION_NAME)
    codes = table["chrom"].to_numpy()
    spans = np.column_stack([table[name].to_numpy().astype(np.int64) for name in ("start", "end")])
    union = {chrom: spans[codes == code] for code, chrom in enumerate(chromsizes)}
    return {chrom: rows for chrom, rows in union.items() if len(rows)}
