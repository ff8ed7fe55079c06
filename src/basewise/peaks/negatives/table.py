"""The table of negatives: columns, pieces of it, and the Parquet file they are written to."""

import json
from collections.abc import Iterable, Mapping, Sequence
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
    scopes: Sequence[tuple[str, str, str]] = (("", "", ""),),
    n_of_scope: Sequence[int] | None = None,
) -> pa.Table:
    """Windows of one kind as a table, scope after scope.

    Args:
        chroms: Names of the chroms.
        chrom: Index into them, int (n,).
        start: bp, int (n,).
        width_bp: Width of the windows.
        kind: Of the negatives.
        scopes: experiment, target, biotype of each scope.
        n_of_scope: How many windows each has; None for one scope.
    """
    counts = [len(start)] if n_of_scope is None else n_of_scope
    start = np.asarray(start, np.int32)
    columns = [
        _name(np.asarray(chrom, np.int32), list(chroms)),
        pa.array(start),
        pa.array(start + np.int32(width_bp)),
        _repeat([kind], [len(start)]),
        *(_repeat(names, counts) for names in zip(*scopes, strict=True)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _repeat(texts: Sequence[str], counts: Sequence[int]) -> pa.DictionaryArray:
    """Every text so many times."""
    if len(texts) == 1:
        return _name(np.zeros(counts[0], dtype=np.int32), list(texts))
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(text, len(codes)) for text in texts], dtype=np.int32)
    return _name(np.repeat(numbers, counts), list(codes))


def _name(codes: np.ndarray, names: list[str]) -> pa.DictionaryArray:
    # safe would look through codes that are indices of names by construction
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()), safe=False)


def join_tables(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables of this schema as one, with one dictionary per column."""
    joined = pa.concat_tables([SCHEMA.empty_table(), *tables])
    return joined.unify_dictionaries().combine_chunks()


def write_tables(
    tables: Iterable[pa.Table], output: str | PathLike, metadata: Mapping[str, object]
) -> None:
    """Write pieces as one Parquet file, whole or not at all, a piece in memory.

    `metadata` is filled while the pieces come; it is stored as JSON under the key "basewise".
    """
    with (
        atomic_path(output) as temporary,
        pq.ParquetWriter(
            temporary,
            SCHEMA,
            use_dictionary=_TEXTS,
            column_encoding=_PACKED,
            write_statistics=list(_PACKED),  # those of texts take as long as the rest
        ) as writer,
    ):
        for table in tables:
            writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: json.dumps(dict(metadata))})
