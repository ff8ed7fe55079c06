"""Records set aside on disk by partition while a larger-than-memory table is put in order."""

from pathlib import Path

import numpy as np

# start, end, summit in bp on one chrom; scope is an index into a list of names
RECORD = np.dtype(
    [("start", "<i4"), ("end", "<i4"), ("summit", "<i4"), ("score", "<f4"), ("scope", "<i4")]
)
BUFFER_BYTES = 1 << 26


class Spill:
    """Append records to numbered partitions; read each back whole, in the order of appending.

    Records wait in memory until BUFFER_BYTES have come together, so that many partitions do not
    mean many small writes or open files.
    """

    def __init__(self, folder: Path, dtype: np.dtype = RECORD):
        self._folder = folder
        self._dtype = dtype
        self._waiting: dict[int, list[np.ndarray]] = {}
        self._waiting_bytes = 0
        self._written: dict[int, int] = {}
        folder.mkdir(parents=True)

    def append(self, partition: int, records: np.ndarray) -> None:
        """Set records (n,) aside."""
        if not len(records):
            return
        self._waiting.setdefault(partition, []).append(records)
        self._waiting_bytes += records.nbytes
        if self._waiting_bytes >= BUFFER_BYTES:
            self._flush()

    def append_by(self, partitions: np.ndarray, records: np.ndarray) -> None:
        """Set each record (n,) aside in its partition (n,), keeping their order in each."""
        if not len(records):
            return
        if np.any(partitions[1:] < partitions[:-1]):
            order = np.argsort(partitions, kind="stable")
            partitions, records = partitions[order], records[order]
        firsts = np.flatnonzero(np.append(True, partitions[1:] != partitions[:-1]))
        for first, last in zip(firsts, np.append(firsts[1:], len(records)), strict=True):
            self.append(int(partitions[first]), records[first:last])

    @property
    def partitions(self) -> list[int]:
        """The partitions that hold a record, ascending."""
        return sorted(self._written.keys() | self._waiting.keys())

    def load(self, partition: int) -> np.ndarray:
        """All records of a partition, read once: its file is gone afterwards."""
        records = np.empty(self._written.pop(partition, 0), self._dtype)
        path = self._path(partition)
        if len(records):
            with path.open("rb") as stream:
                stream.readinto(records.data.cast("B"))
            path.unlink()
        waiting = self._waiting.pop(partition, [])
        self._waiting_bytes -= sum(part.nbytes for part in waiting)
        return np.concatenate([records, *waiting]) if waiting else records

    def _flush(self) -> None:
        for partition, parts in self._waiting.items():
            with self._path(partition).open("ab") as stream:
                for part in parts:
                    stream.write(np.ascontiguousarray(part).data)
            count = sum(map(len, parts))
            self._written[partition] = self._written.get(partition, 0) + count
        self._waiting, self._waiting_bytes = {}, 0

    def _path(self, partition: int) -> Path:
        return self._folder / f"{partition}.records"
