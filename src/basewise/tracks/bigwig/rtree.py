"""The index of a bigWig: an R-tree from ranges on chroms to packed blocks of the file."""

import numpy as np

from basewise.tracks.bigwig.format import (
    INDEX_BRANCH_DTYPE,
    INDEX_HEADER,
    INDEX_LEAF,
    INDEX_LEAF_DTYPE,
    INDEX_MAGIC,
    NODE_HEADER,
    NODE_ITEMS,
)


class BlockList:
    """Where each block of one kind lies, in genome order; 32 bytes of memory per block."""

    def __init__(self):
        self._packed = bytearray()

    def add(self, chrom: int, start: int, end: int, offset: int, size: int) -> None:
        """A block of `size` bytes at `offset` that holds chrom (an id) from start to end in bp."""
        self._packed += INDEX_LEAF.pack(chrom, start, chrom, end, offset, size)

    def __len__(self) -> int:
        return len(self._packed) // INDEX_LEAF.size

    def leaves(self, shift: int = 0) -> np.ndarray:
        """Every block as INDEX_LEAF_DTYPE, with `shift` bytes added to the offsets."""
        leaves = np.frombuffer(bytes(self._packed), dtype=INDEX_LEAF_DTYPE).copy()
        leaves["offset"] += np.uint64(shift)
        return leaves


def pack_index(leaves: np.ndarray, offset: int, items_per_slot: int) -> bytes:
    """The R-tree of blocks (INDEX_LEAF_DTYPE, sorted, apart) as it stands at `offset` of the file.

    The root comes first, then each level down to the leaves; the data end where the index starts.
    """
    bounds = _bounds(leaves) if len(leaves) else (0, 0, 0, 0)
    header = INDEX_HEADER.pack(
        INDEX_MAGIC, NODE_ITEMS, len(leaves), *bounds, offset, items_per_slot, 0
    )
    levels = [leaves]
    while len(levels[-1]) > NODE_ITEMS:
        levels.append(_group(levels[-1]))
    starts = [0] * len(levels)
    position = offset + len(header)
    for depth in reversed(range(len(levels))):
        starts[depth] = position
        position += levels[depth].nbytes + _node_count(levels[depth]) * NODE_HEADER.size
    for depth in range(1, len(levels)):
        node_size = NODE_HEADER.size + NODE_ITEMS * levels[depth - 1].itemsize
        nodes = np.arange(len(levels[depth]), dtype=np.uint64)
        levels[depth]["offset"] = starts[depth - 1] + nodes * np.uint64(node_size)
    return header + b"".join(_pack_level(level) for level in reversed(levels))


def _node_count(items: np.ndarray) -> int:
    return max(1, -(-len(items) // NODE_ITEMS))


def _bounds(items: np.ndarray) -> tuple[int, int, int, int]:
    first, last = items[0], items[-1]
    return int(first["first_chrom"]), int(first["start"]), int(last["last_chrom"]), int(last["end"])


def _group(items: np.ndarray) -> np.ndarray:
    first = np.arange(0, len(items), NODE_ITEMS)
    last = np.minimum(first + NODE_ITEMS, len(items)) - 1
    branches = np.zeros(len(first), dtype=INDEX_BRANCH_DTYPE)
    for field, source in (("first_chrom", first), ("start", first)):
        branches[field] = items[field][source]
    for field, source in (("last_chrom", last), ("end", last)):
        branches[field] = items[field][source]
    return branches


def _pack_level(items: np.ndarray) -> bytes:
    is_leaf = items.dtype == INDEX_LEAF_DTYPE
    nodes = [items[first : first + NODE_ITEMS] for first in range(0, len(items), NODE_ITEMS)]
    return b"".join(
        NODE_HEADER.pack(is_leaf, 0, len(node)) + node.tobytes() for node in nodes or [items]
    )
