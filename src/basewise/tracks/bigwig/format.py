"""The layout of a bigWig file, version 4: magic numbers, fixed structures, settings we write."""

import struct

import numpy as np

BIGWIG_MAGIC = 0x888FFC26
CHROM_TREE_MAGIC = 0x78CA8C91
INDEX_MAGIC = 0x2468ACE0
VERSION = 4

# magic, version, zoom levels, offsets of chrom tree, data, index; field count, defined fields,
# autoSql offset, summary offset, size of the largest block unpacked, extension offset
HEADER = struct.Struct("<IHHQQQHHQQIQ")
ZOOM_HEADER = struct.Struct("<IIQQ")  # reduction, reserved, data offset, index offset
SUMMARY = struct.Struct("<Qdddd")  # bases covered, min, max, sum, sum of squares
DATA_COUNT = struct.Struct("<Q")
ZOOM_COUNT = struct.Struct("<I")
CHROM_TREE_HEADER = struct.Struct("<IIIIQQ")  # magic, block, key, value size, items, reserved
# magic, block, items, first chrom and start, last chrom and end, end of data, items per slot, 0
INDEX_HEADER = struct.Struct("<IIQIIIIQII")
NODE_HEADER = struct.Struct("<BBH")  # is leaf, reserved, items
CHROM_LEAF_VALUE = struct.Struct("<II")  # chrom id, size
OFFSET = struct.Struct("<Q")
INDEX_LEAF = struct.Struct("<IIIIQQ")  # first chrom and start, last chrom and end, offset, size
INDEX_LEAF_DTYPE = np.dtype(
    [
        ("first_chrom", "<u4"),
        ("start", "<u4"),
        ("last_chrom", "<u4"),
        ("end", "<u4"),
        ("offset", "<u8"),
        ("size", "<u8"),
    ]
)
INDEX_BRANCH_DTYPE = np.dtype(INDEX_LEAF_DTYPE.descr[:5])

NODE_ITEMS = 256
MAX_POSITION = 2**32 - 1

# A section: six words (chrom id, start, end, step, span, type and count), then float32 values.
SECTION_WORDS = 6
SECTION_VALUES = 8192
FIXED_STEP = 3

# A zoom record: chrom id, start, end, bases covered, then float32 min, max, sum, sum of squares.
ZOOM_WORDS = 8
ZOOM_RECORDS_PER_BLOCK = 1024
FIRST_REDUCTION = 256
REDUCTION_FACTOR = 4
MAX_ZOOM_LEVELS = 10
MIN_BINS_PER_ZOOM = 4  # of the longest chrom
MIN_VALUES_PER_BIN = 8

BLOCK_BYTES = 4 * max(SECTION_WORDS + SECTION_VALUES, ZOOM_WORDS * ZOOM_RECORDS_PER_BLOCK)


def zoom_reductions(longest_bp: int, resolution_bp: int) -> list[int]:
    """The bin sizes in bp of the zoom levels: 256 * 4^k while the longest chrom fills four bins.

    There is always one level, because some browsers need one, and no bin holds fewer than eight
    values.
    """
    reduction = FIRST_REDUCTION
    while reduction < MIN_VALUES_PER_BIN * resolution_bp:
        reduction *= REDUCTION_FACTOR
    reductions = [reduction]
    while len(reductions) < MAX_ZOOM_LEVELS:
        reduction *= REDUCTION_FACTOR
        if reduction * MIN_BINS_PER_ZOOM > longest_bp:
            break
        reductions.append(reduction)
    return reductions
