"""Files of embeddings: npz for a few sequences, a Zarr store for many, Parquet for one row each.

Each is whole or absent. Metadata is one JSON object: the array ``metadata`` of an npz, the
attributes of a Zarr group, the key ``basewise`` of a Parquet schema.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path, scratch_directory
from basewise.errors import BasewiseError
from basewise.inference.embedding.fields import Field, empty_arrays

NPZ_LIMIT_BYTES = 2 << 30
CHUNK_BYTES = 1 << 24
FORMATS = ("npz", "zarr", "parquet")

Write = Callable[[int, Mapping[str, np.ndarray]], None]


def find_format(out: str | os.PathLike) -> str:
    """Return the format that a file's suffix names.

    Raises:
        BasewiseError: none of the known ones, or something is in a store's place.
    """
    suffix = Path(out).suffix.removeprefix(".")
    if suffix not in FORMATS:
        raise BasewiseError(
            f"{out} has no suffix that names a format",
            found=repr(Path(out).suffix),
            hint="Use .npz for a few sequences, .zarr for many, .parquet for pooled embeddings "
            "and likelihoods.",
        )
    if suffix == "zarr" and Path(out).exists():
        raise BasewiseError(f"{out} is there already", hint="Remove it, or choose another name.")
    return suffix


def check_size(form: str, fields: list[Field], n_rows: int) -> None:
    """Compare the size of what will be written with what a format is for.

    Raises:
        BasewiseError: an npz of more than 2 GiB.
    """
    size = n_rows * sum(field.row_bytes for field in fields)
    if form == "npz" and size > NPZ_LIMIT_BYTES:
        raise BasewiseError(
            f"{n_rows} sequences are too many for one npz, which is held in memory",
            found=f"{size / 2**30:.1f} GiB, {NPZ_LIMIT_BYTES / 2**30:.0f} GiB at most",
            hint="Write .zarr, or pool the embeddings.",
        )


@contextmanager
def open_sink(
    out: str | os.PathLike, fields: list[Field], n_rows: int, block_rows: int, metadata: Mapping
) -> Iterator[Write]:
    """Yield a function (first row, arrays of a block) that writes; blocks come in order.

    Args:
        block_rows: rows of every block but the last.
    """
    opener = {"npz": _open_npz, "zarr": _open_zarr, "parquet": _open_parquet}[find_format(out)]
    with opener(Path(out), fields, n_rows, block_rows, json.dumps(metadata)) as write:
        yield write


@contextmanager
def _open_npz(out, fields, n_rows, block_rows, metadata):
    del block_rows
    arrays = empty_arrays(fields, n_rows)
    yield collector(arrays)
    texts = {field.name: arrays[field.name].astype(str) for field in fields if field.dtype is str}
    with atomic_path(out) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **{**arrays, **texts}, metadata=np.array(metadata))


def collector(arrays: Mapping[str, np.ndarray]) -> Write:
    """Return a writer into arrays in memory."""

    def write(first: int, block: Mapping[str, np.ndarray]) -> None:
        for name, rows in block.items():
            arrays[name][first : first + len(rows)] = rows

    return write


@contextmanager
def _open_zarr(out, fields, n_rows, block_rows, metadata):
    import zarr

    with scratch_directory(out) as folder:
        group = zarr.create_group(folder / out.name, attributes=json.loads(metadata))
        for field in fields:
            group.create_array(
                field.name,
                shape=(n_rows, *field.tail),
                chunks=_chunks(field, n_rows, block_rows),
                dtype=field.dtype,
                fill_value=field.fill,
            )

        def write(first: int, block: Mapping[str, np.ndarray]) -> None:
            for name, rows in block.items():
                group[name][first : first + len(rows)] = rows

        yield write
        os.replace(folder / out.name, out)


def _chunks(field: Field, n_rows: int, block_rows: int) -> tuple[int, ...]:
    """Return a chunk's shape: a part of a block's rows; of one row if even that is large."""
    rows = block_rows
    while rows % 2 == 0 and rows * field.row_bytes > CHUNK_BYTES:
        rows //= 2
    if not field.tail:
        return (max(1, min(rows, n_rows)),)
    rest = field.row_bytes // field.tail[0]
    most = max(1, CHUNK_BYTES // max(1, rest * rows))
    parts = math.ceil(field.tail[0] / most)
    return (max(1, min(rows, n_rows)), max(1, math.ceil(field.tail[0] / parts)), *field.tail[1:])


@contextmanager
def _open_parquet(out, fields, n_rows, block_rows, metadata):
    del n_rows, block_rows
    import pyarrow as pa
    import pyarrow.parquet as pq

    def type_of(field: Field):
        scalar = pa.string() if field.dtype is str else pa.from_numpy_dtype(field.dtype)
        return pa.list_(scalar, field.tail[0]) if field.tail else scalar

    schema = pa.schema(
        [(field.name, type_of(field)) for field in fields], metadata={"basewise": metadata}
    )

    def column(rows: np.ndarray, kind):
        if rows.ndim == 1:
            return pa.array(rows, kind)
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])

    with atomic_path(out) as temporary, pq.ParquetWriter(temporary, schema) as writer:

        def write(first: int, block: Mapping[str, np.ndarray]) -> None:
            del first
            columns = [column(block[name], schema.field(name).type) for name in schema.names]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))

        yield write
