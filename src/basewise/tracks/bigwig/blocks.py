"""Reads the blocks of a bigWig: where they lie, by its index, and their bytes, unpacked.

For whole files and many intervals this is several times faster than asking for values base by
base, and a file that was cut short is noticed before any of its values is used.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError
from basewise.tracks.bigwig import format as layout

BIGBED_MAGIC = 0x8789F2EB


def _get_inflate() -> tuple[Callable[[bytes], bytes], tuple[type[Exception], ...]]:
    """The fastest decompressor at hand, and what it raises for bytes that are no zlib stream."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.decompress, (zlib.error,)
    return isal_zlib.decompress, (zlib.error, isal_zlib.error)


_inflate, _INFLATE_ERRORS = _get_inflate()


class BigWigBlocks:
    """The blocks of one bigWig, any version; use it in a `with` statement.

    Attributes:
        path: The file.
        chromsizes: {chrom: size in bp}, in the file's order.
    """

    def __init__(self, path: str | os.PathLike):
        """Open a bigWig and read its chroms and index.

        Raises:
            BasewiseError: The file is missing, no bigWig, of foreign byte order, cut short, or its
                index is damaged.
        """
        self.path = Path(path)
        try:
            with self.path.open("rb") as stream:
                self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            found = error.strerror if isinstance(error, OSError) else "an empty file"
            raise BasewiseError(f"{path} is not a bigWig", found=found) from None
        try:
            self._open()
        except BasewiseError:
            self.close()
            raise
        except (struct.error, ValueError):  # what is said to be there reaches past the end
            error = self._cut_short()
            self.close()
            raise error from None

    def __enter__(self) -> "BigWigBlocks":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._bytes.close()

    def read(self, chrom: str, start: int, end: int) -> Iterator[np.ndarray]:
        """Yield the unpacked blocks that touch chrom:start-end, as uint32 words, in file order.

        A block may hold values outside the interval too. See `basewise.tracks.bigwig.format`.

        Raises:
            BasewiseError: No such chrom, or a block that cannot be unpacked.
        """
        chrom_id = self.get_id(chrom)
        leaves = self._leaves
        # blocks are sorted by (chrom, start) but may end anywhere; few chroms share a block
        first, last = leaves["first_chrom"], leaves["last_chrom"]
        touches = (first <= chrom_id) & (last >= chrom_id)
        touches &= (first < chrom_id) | (leaves["start"] < end)
        touches &= (last > chrom_id) | (leaves["end"] > start)
        for leaf in leaves[touches]:
            yield self._unpack(int(leaf["offset"]), int(leaf["size"]))

    def get_id(self, chrom: str) -> int:
        """The number that stands for a chrom inside the file."""
        if chrom not in self._ids:
            raise BasewiseError(
                f"{self.path} has no chrom {chrom}", found=f"{len(self._ids)} others"
            )
        return self._ids[chrom]

    def _open(self) -> None:
        if len(self._bytes) < layout.HEADER.size:
            raise BasewiseError(f"{self.path} is not a bigWig", found=f"{len(self._bytes)} bytes")
        header = layout.HEADER.unpack_from(self._bytes)
        if header[0] != layout.BIGWIG_MAGIC:
            swapped = int.from_bytes(self._bytes[:4], "big") == layout.BIGWIG_MAGIC
            found = "a bigBed" if header[0] == BIGBED_MAGIC else "something else"
            if swapped:
                found = "a bigWig of the other byte order (big-endian)"
            raise BasewiseError(f"{self.path} is not a bigWig", found=found)
        tree, index, self._packed = header[3], header[5], header[10] > 0
        chroms = sorted(self._read_chroms(tree), key=lambda row: row[1])
        self.chromsizes = {chrom: size for chrom, _, size in chroms}
        self._ids = {chrom: chrom_id for chrom, chrom_id, _ in chroms}
        self._leaves = self._read_index(index)
        ends = [int((self._leaves["offset"] + self._leaves["size"]).max(initial=0))]
        for level in range(header[2]):
            place = layout.HEADER.size + level * layout.ZOOM_HEADER.size
            ends.append(layout.ZOOM_HEADER.unpack_from(self._bytes, place)[3])
        if max(ends) > len(self._bytes):
            raise self._cut_short()

    def _read_chroms(self, offset: int) -> Iterator[tuple[str, int, int]]:
        """Yield (chrom, id, size) of the chrom tree at an offset."""
        magic, _, key_size, _, _, _ = layout.CHROM_TREE_HEADER.unpack_from(self._bytes, offset)
        if magic != layout.CHROM_TREE_MAGIC:
            raise self._damaged("chrom tree")
        for is_leaf, count, items in self._nodes(offset + layout.CHROM_TREE_HEADER.size):
            for item in range(count):
                key = items + item * (key_size + 8)
                if is_leaf:
                    name = bytes(self._bytes[key : key + key_size]).rstrip(b"\0").decode()
                    yield name, *layout.CHROM_LEAF_VALUE.unpack_from(self._bytes, key + key_size)
                else:
                    self._to_visit.append(layout.OFFSET.unpack_from(self._bytes, key + key_size)[0])

    def _read_index(self, offset: int) -> np.ndarray:
        """The leaves of the index at an offset, as INDEX_LEAF_DTYPE sorted by chrom and start."""
        if layout.INDEX_HEADER.unpack_from(self._bytes, offset)[0] != layout.INDEX_MAGIC:
            raise self._damaged("index")
        leaves = [np.empty(0, layout.INDEX_LEAF_DTYPE)]
        for is_leaf, count, items in self._nodes(offset + layout.INDEX_HEADER.size):
            kind = layout.INDEX_LEAF_DTYPE if is_leaf else layout.INDEX_BRANCH_DTYPE
            rows = np.frombuffer(self._bytes, kind, count, items).copy()
            if is_leaf:
                leaves.append(rows)
            else:
                self._to_visit.extend(rows["offset"].tolist())
        found = np.concatenate(leaves)
        return found[np.lexsort((found["start"], found["first_chrom"]))]

    def _nodes(self, root: int) -> Iterator[tuple[bool, int, int]]:
        """Yield (is leaf, items, offset of the first) of each node of a tree."""
        self._to_visit, visited = [root], 0
        while self._to_visit:
            offset = self._to_visit.pop()
            visited += 1
            if visited * layout.NODE_HEADER.size > len(self._bytes):
                raise self._damaged("index, which leads in a circle")
            is_leaf, _, count = layout.NODE_HEADER.unpack_from(self._bytes, offset)
            yield bool(is_leaf), count, offset + layout.NODE_HEADER.size

    def _unpack(self, offset: int, size: int) -> np.ndarray:
        block = self._bytes[offset : offset + size]
        if self._packed:
            try:
                block = _inflate(block)
            except _INFLATE_ERRORS as error:
                raise BasewiseError(
                    f"{self.path} is damaged: the block at byte {offset} cannot be unpacked",
                    found=str(error),
                    hint="Fetch it again",
                ) from None
        if len(block) < 4 * layout.SECTION_WORDS or len(block) % 4:
            raise self._damaged(f"block at byte {offset}")
        return np.frombuffer(block, "<u4")

    def _cut_short(self) -> BasewiseError:
        return BasewiseError(
            f"{self.path} is not a whole bigWig",
            found=f"{len(self._bytes)} bytes, fewer than its index tells of",
            hint="Fetch it again",
        )

    def _damaged(self, part: str) -> BasewiseError:
        return BasewiseError(f"{self.path} is damaged: its {part} is not readable")
