"""A tensor inside a file: which bytes of it, and how they become NumPy's values.

What a file says of a tensor is checked against the bytes it has, so that reading never takes more
memory than those bytes.
"""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from basewise.checkpoints.compression import CHUNK_BYTES, Stream, Truncated
from basewise.checkpoints.stand_ins import Refused, StoredArray

BFLOAT16 = "bf16"  # NumPy has no such type: the upper halves of float32
NUMBERS = ("f8", "f4", "f2", BFLOAT16, "i8", "i4", "i2", "i1", "u1", "b1")
MAX_AXES = 32


@dataclass(frozen=True)
class Segment:
    """Bytes of a file that hold numbers of one type.

    Attributes:
        kind: one of `NUMBERS`.
        offset: of the first byte in the file.
        crc: CRC-32 of the bytes; None where the file does not tell.
    """

    file: Path
    kind: str
    byte_order: str
    offset: int
    nbytes: int
    crc: int | None = None

    @property
    def stored(self) -> np.dtype:
        """The NumPy type of the bytes."""
        return np.dtype("u2" if self.kind == BFLOAT16 else self.kind).newbyteorder(self.byte_order)

    @property
    def n_numbers(self) -> int:
        """How many numbers there are."""
        return self.nbytes // self.stored.itemsize

    def __setstate__(self, state):
        raise Refused("a storage with a state")


class TorchArray(StoredArray):
    """A tensor: a view of a segment. `dtype` is that of its values: float32 for any float.

    Attributes:
        first: number of the segment that comes first.
        strides: numbers from one index of an axis to the next.
    """

    def __init__(
        self, segment: Segment, first: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ):
        for numbers, what in ((shape, "shape"), (strides, "strides")):
            if type(numbers) is not tuple or any(type(n) is not int or n < 0 for n in numbers):
                raise Refused(f"a tensor whose {what} is not a tuple of counts")
        if len(shape) != len(strides) or len(shape) > MAX_AXES or type(first) is not int:
            raise Refused("a tensor whose shape, strides and offset do not fit each other")
        self.shape, self.strides, self.first, self.segment = shape, strides, first, segment
        is_outside = not 0 <= first <= segment.n_numbers - self.reach
        if is_outside or math.prod(shape) > segment.n_numbers or max(shape, default=0) > 1 << 40:
            raise Refused("a tensor that is larger than its storage")
        is_float = segment.kind in ("f8", "f4", "f2", BFLOAT16)
        self.dtype = np.dtype(np.float32 if is_float else segment.kind)
        self.offset = segment.offset + first * segment.stored.itemsize

    @property
    def reach(self) -> int:
        """How many numbers of the segment lie between the first and the last one, both counted."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))

    def __setstate__(self, state):
        raise Refused("a tensor with a state")


def read_values(stream: BinaryIO, array: TorchArray) -> np.ndarray:
    """Return the values of a tensor, contiguous; verifies its checksum where one pass can.

    Raises:
        EOFError: the file ends too early.
        Refused: the bytes are not those that were written.
    """
    segment = array.segment
    data = bytearray(array.reach * segment.stored.itemsize)
    stream.seek(array.offset)
    Stream(stream, None).read_into(memoryview(data))
    if segment.crc is not None and len(data) == segment.nbytes:
        _check(segment, zlib.crc32(data))
    steps = tuple(stride * segment.stored.itemsize for stride in array.strides)
    values = np.ndarray(array.shape, segment.stored, data, strides=steps if data else None)
    if segment.kind == BFLOAT16:
        widened = np.left_shift(values, 16, dtype=np.uint32)
        return np.ascontiguousarray(widened).view(np.float32).reshape(array.shape)
    with np.errstate(over="ignore"):
        return values.astype(array.dtype, order="C", copy=False)


def check_segment(stream: BinaryIO, segment: Segment) -> None:
    """Read all bytes of a segment, a little at a time, and compare their checksum.

    Raises:
        EOFError: the file ends too early.
        Refused: the bytes are not those that were written.
    """
    if segment.crc is None:
        return
    stream.seek(segment.offset)
    crc, left = 0, segment.nbytes
    while left:
        data = stream.read(min(left, CHUNK_BYTES))
        if not data:
            raise Truncated
        crc, left = zlib.crc32(data, crc), left - len(data)
    _check(segment, crc)


def _check(segment: Segment, crc: int) -> None:
    if crc != segment.crc:
        raise Refused("numbers that were changed since they were written (CRC-32 differs)")
