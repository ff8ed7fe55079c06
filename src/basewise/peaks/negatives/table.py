"""The table of negatives: columns, pieces of it, and the Parquet file they are written to."""

import json
from collections.abc import Iterable, Mapping
from os import PathLike

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.atomic import atomic_path

COLUMNS = ("chrom", "start", "end", "kind", "experiment", "target", "biotype")
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(name, pa.int32() if name in ("start", "end") else _TEXT) for name in COLUMNS])
_TEXTS = [name for name in COLUMNS if name not in ("start", "end")]
_PACKED = dict.fromkeys(("start", "end"), "DELTA_BINARY_PACKED")
METADATA_KEY = b"basewise"
ROWS_PER_GROUP = 1 << 20


def make_table(
    chroms: Iterable[str],
    chrom: np.ndarray,
    start: np.ndarray,
    *,
    width_bp: int,
    kind: str,
    scope: tuple[str, str, str] = ("", "", ""),
) -> pa.Table:
    """Windows of one kind and one scope as a table.

    Args:
        chroms: Names of the chroms.
        chrom: Index into them, int (n,).
        start: bp, int (n,).
        width_bp: Width of the windows.
        kind: Of the negatives.
        scope: experiment, target, biotype.
    """
    texts = [
        pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(start), np.int32)), pa.array([text]))
        for text in (kind, *scope)
    ]
    names = pa.array(list(chroms), pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(np.asarray(chrom, np.int32)), names),
        pa.array(np.asarray(start, np.int32)),
        pa.array(np.asarray(start + width_bp, np.int32)),
        *texts,
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def join_tables(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables of this schema as one, with one dictionary per column."""
    joined = pa.concat_tables([SCHEMA.empty_table(), *tables])
    return joined.unify_dictionaries().combine_chunks()


def write_tables(
    tables: Iterable[pa.Table], output: str | PathLike, metadata: Mapping[str, object]
) -> None:
    """Write pieces as one Parquet file, whole or not at all, a group of rows in memory.

    `metadata` is filled while the pieces come; it is stored as JSON under the key "basewise".
    """
    with (
        atomic_path(output) as temporary,
        pq.ParquetWriter(
            temporary, SCHEMA, use_dictionary=_TEXTS, column_encoding=_PACKED
        ) as writer,
    ):
        waiting: list[pa.Table] = []
        for table in tables:
            waiting.append(table)
            if sum(map(len, waiting)) >= ROWS_PER_GROUP:
                writer.write_table(join_tables(waiting))
                waiting = []
        writer.write_table(join_tables(waiting))
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(dict(metadata))})
