"""The chrom tree of a bigWig: a B+ tree from a chrom's name to its id and size."""

from collections.abc import Mapping

from basewise.errors import BasewiseError
from basewise.tracks.bigwig.format import (
    CHROM_LEAF_VALUE,
    CHROM_TREE_HEADER,
    CHROM_TREE_MAGIC,
    MAX_POSITION,
    NODE_HEADER,
    NODE_ITEMS,
    OFFSET,
)


def chrom_order(chromsizes: Mapping[str, int]) -> list[str]:
    """The order of chroms in a bigWig: by name, as bytes. A chrom's id is its place in it.

    Raises:
        BasewiseError: There is no chrom, a name is empty, or a size is below 1 or past 2^32 - 1.
    """
    if not chromsizes:
        raise BasewiseError("A bigWig needs at least one chrom", found="no chromsizes")
    for chrom, size in chromsizes.items():
        if not chrom or "\0" in chrom:
            raise BasewiseError("A chrom's name is not usable in a bigWig", found=repr(chrom))
        if not 0 < size <= MAX_POSITION:
            raise BasewiseError(
                f"The size of chrom {chrom} does not fit a bigWig",
                found=f"{size} bp",
                hint=f"A chrom has 1 to {MAX_POSITION} bp there; split longer ones",
            )
    return sorted(chromsizes, key=lambda chrom: chrom.encode())


def pack_chrom_tree(chromsizes: Mapping[str, int], offset: int) -> bytes:
    """The tree of every chrom, with or without data, as it stands at `offset` of the file."""
    order = chrom_order(chromsizes)
    names = [chrom.encode() for chrom in order]
    key_size = max(map(len, names))
    block = min(NODE_ITEMS, len(names))
    header = CHROM_TREE_HEADER.pack(
        CHROM_TREE_MAGIC, block, key_size, CHROM_LEAF_VALUE.size, len(names), 0
    )
    keys = [name.ljust(key_size, b"\0") for name in names]
    items = [
        key + CHROM_LEAF_VALUE.pack(chrom_id, chromsizes[chrom])
        for chrom_id, (key, chrom) in enumerate(zip(keys, order, strict=True))
    ]
    levels = [_nodes(items, block, is_leaf=True)]
    counts = [len(levels[0])]  # nodes per level, leaves first
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // block))
    # A node's size does not depend on what it points at, so offsets follow from counts alone.
    full_branch = NODE_HEADER.size + block * (key_size + OFFSET.size)
    above = [0]  # bytes of the levels above, root first
    for below, count in zip(reversed(counts[:-1]), reversed(counts[1:]), strict=True):
        above.append(above[-1] + count * NODE_HEADER.size + below * (key_size + OFFSET.size))
    first_keys = keys[::block]
    child_size = NODE_HEADER.size + block * len(items[0])
    for depth in range(len(counts) - 1, 0, -1):
        base = offset + len(header) + above[depth]
        pointers = [
            key + OFFSET.pack(base + child * child_size) for child, key in enumerate(first_keys)
        ]
        levels.append(_nodes(pointers, block, is_leaf=False))
        first_keys = first_keys[::block]
        child_size = full_branch
    return header + b"".join(node for level in reversed(levels) for node in level)


def _nodes(items: list[bytes], block: int, *, is_leaf: bool) -> list[bytes]:
    groups = [items[first : first + block] for first in range(0, len(items), block)]
    return [NODE_HEADER.pack(is_leaf, 0, len(group)) + b"".join(group) for group in groups]
