"""Reading joblib files without executing them: arrays and plain containers come out, or nothing.

A joblib file is a pickle with the bytes of each array between its opcodes. The unpickler here
knows no module: the handful of names that such a file needs stand for inert classes, and any other
name ends the reading. Arrays stay in the file until their values are asked for.
"""

import os
import pickle
import struct
from collections.abc import Iterable, Iterator

import numpy as np

from basewise.checkpoints.compression import DAMAGE, Stream, open_plain
from basewise.checkpoints.stand_ins import STAND_INS, Refused, StoredArray, Wrapper
from basewise.errors import BasewiseError

CAUSES = (
    *DAMAGE,
    pickle.UnpicklingError,
    struct.error,
    AssertionError,
    ValueError,  # UnicodeDecodeError too
    TypeError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
)


def read_layout(path: str | os.PathLike) -> object:
    """Return what a joblib file holds, with a `StoredArray` for each array; runs none of it.

    Args:
        path: plain, or compressed with zlib, gzip, bzip2, xz or lzma.

    Raises:
        BasewiseError: the file asks for anything but arrays (named in full), holds arrays of
            other than numbers, is truncated, damaged, or no joblib file.
    """
    try:
        _check_start(path)
        with open_plain(path) as stream:
            held = _Unpickler(stream, path).load()
            if stream.read_up_to(1):
                raise Refused("more bytes after its end")
    except BasewiseError:
        raise
    except CAUSES as error:
        raise _broken(path, error) from None
    return held


def read_values(
    path: str | os.PathLike, arrays: Iterable[StoredArray]
) -> Iterator[tuple[StoredArray, np.ndarray]]:
    """Yield each array of `read_layout` with its values, in the order of the file, one at a time.

    Raises:
        BasewiseError: the file is damaged, or no longer the one that was looked at.
    """
    unique = {id(array): array for array in arrays}.values()
    ordered = sorted(unique, key=lambda array: array.offset or 0)
    try:
        with open_plain(path) as stream:
            for array in ordered:
                data = array.data
                if array.offset is not None:
                    stream.skip(array.offset - stream.position)
                    data = bytearray(array.nbytes)
                    stream.read_into(memoryview(data))
                values = np.ndarray(array.shape, array.dtype, data, order=array.order)
                yield array, values.astype(array.dtype.newbyteorder("="), copy=False)
    except DAMAGE as error:
        raise _broken(path, error) from None


class _Unpickler(pickle._Unpickler):  # the one in C fills 64 GB when a file says so
    def __init__(self, stream: Stream, path):
        super().__init__(stream)
        self._path = path
        wrapper = type("Wrapper", (Wrapper,), {"stream": stream})
        self._known = {("joblib.numpy_pickle", "NumpyArrayWrapper"): wrapper, **STAND_INS}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._known:
            raise BasewiseError(
                f"{self._path} asks for {module}.{name}, which is not an array",
                hint="It was refused and nothing in it ran. Do not open it with joblib or pickle; "
                "get the checkpoint from its publisher again.",
            )
        return self._known[module, name]


def _check_start(path) -> None:
    with open_plain(path) as stream:
        first = stream.read_up_to(64)
    if not first.startswith(pickle.PROTO):
        is_pointer = first.startswith(b"version https://git-lfs")
        raise BasewiseError(
            f"{path} is not a joblib file",
            found="a Git LFS pointer" if is_pointer else f"first bytes {first[:16]!r}",
            hint="Run git lfs pull where it comes from." if is_pointer else None,
        )


def _broken(path, error: Exception) -> BasewiseError:
    if isinstance(error, Refused):
        return BasewiseError(f"{path} holds what is not read", found=error)
    return BasewiseError(
        f"{path} is truncated, damaged, or not a joblib file",
        found=str(error) or type(error).__name__,
        hint="Get it again, and compare its sha256 with the publisher's.",
    )
