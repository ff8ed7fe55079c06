"""Inert classes that stand for what joblib and pickle would import to make arrays.

An unpickler may call them with anything: they keep what describes an array and refuse the rest.
Each has its own `__setstate__`, so no file can set attributes of these classes or their instances.
"""

import math
import re

import numpy as np

from basewise.checkpoints.compression import Stream

NDARRAY = "numpy.ndarray"  # a name in the file, never the class
NUMERIC = re.compile(r"(b1|[iu][1248]|f[248]|c(8|16))")


class Refused(ValueError):
    """An array is described in a way that is not read."""


class StoredArray:
    """An array of a joblib file: its dtype and shape, and where its values are.

    Attributes:
        offset: of its values in the plain bytes of the file; None when `data` holds them.
    """

    dtype: np.dtype | None = None
    shape: tuple[int, ...] | None = None  # None until the file has described the array
    order = "C"
    offset: int | None = None
    data: bytes | bytearray | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes its values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def _describe(self, dtype, shape, order) -> None:
        if not isinstance(dtype, _DType):
            raise Refused("an array without a dtype")
        if type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape):
            raise Refused(f"an array of shape {shape!r}")
        if order not in ("C", "F"):
            raise Refused(f"an array of order {order!r}")
        self.dtype, self.shape, self.order = dtype.resolve(), shape, order


class Wrapper(StoredArray):
    """Stands for joblib's NumpyArrayWrapper: the values follow its state in the file."""

    stream: Stream

    def __setstate__(self, state: dict):
        if state["subclass"] != NDARRAY:
            raise Refused("an array of another class")
        self._describe(state["dtype"], state["shape"], state["order"])
        if state.get("numpy_array_alignment_bytes") is not None:  # joblib 1.2 or later
            self.stream.skip(self.stream.read(1)[0])
        self.offset = self.stream.position
        self.stream.skip(self.nbytes)


class _Inline(StoredArray):
    """Stands for NumPy's own way: `_reconstruct`, then a state that holds the values."""

    def __init__(self, subclass, shape, typecode):
        if subclass != NDARRAY:
            raise Refused("an array of another class")

    def __setstate__(self, state: tuple):
        _, shape, dtype, is_fortran, data = state
        self._fill(dtype, shape, "F" if is_fortran else "C", data)

    def _fill(self, dtype, shape, order, data) -> None:
        self._describe(dtype, shape, order)
        if type(data) not in (bytes, bytearray) or len(data) != self.nbytes:
            raise Refused("an array whose bytes do not fill its shape")
        self.data = data


class _Buffer(_Inline):
    """Stands for NumPy's way of protocol 5, `_frombuffer`."""

    def __init__(self, data, dtype, shape, order, axes=None):
        if axes is not None:
            raise Refused("an array of permuted axes")
        self._fill(dtype, shape, order, data)


class _Scalar(_Inline):
    """Stands for NumPy's scalars."""

    def __init__(self, dtype, data):
        self._fill(dtype, (), "C", data)


class _Jax(_Inline):
    """Stands for JAX arrays, which hold what NumPy's own way needs."""

    def __init__(self, function, arguments, state, aval_state):
        if function is not _Inline:
            raise Refused("a JAX array that is not made of a NumPy array")
        super().__init__(*arguments)
        self.__setstate__(state)


class _DType:
    """Stands for numpy.dtype: numbers only, so no objects and no records."""

    def __init__(self, code, align=False, copy=False):
        if type(code) is not str or not NUMERIC.fullmatch(code):
            raise Refused(f"an array of dtype {code!r}, which are not numbers")
        self._code, self._byte_order = code, "="

    def __setstate__(self, state: tuple):
        if state[1] not in ("<", ">", "=", "|"):
            raise Refused(f"an array of byte order {state[1]!r}")
        self._byte_order = state[1]

    def resolve(self) -> np.dtype:
        """Return the dtype."""
        return np.dtype(self._code).newbyteorder(self._byte_order)


STAND_INS = {
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): _DType,
    ("jax._src.array", "_reconstruct_array"): _Jax,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _Inline),
            ("multiarray", "scalar", _Scalar),
            ("numeric", "_frombuffer", _Buffer),
        )
    },
}
