"""Reading the pickle of a PyTorch state dict without executing it.

The unpickler knows the opcodes and the few names that tensors need. Each name stands for an inert
object without attributes: called, it describes a tensor; given a state, it refuses.
"""

import io
import pickle
from pathlib import Path

from basewise.checkpoints.compression import Stream
from basewise.checkpoints.stand_ins import Refused
from basewise.checkpoints.torch_array import Segment, TorchArray
from basewise.checkpoints.torch_zip import Archive
from basewise.errors import BasewiseError

STORAGES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "b1",
}
OPCODES = (
    *(pickle.PROTO, pickle.FRAME, pickle.MARK, pickle.STOP),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET),
    *(pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD, pickle.BINPERSID),
)


def read_pickle(archive: Archive, path: Path) -> object:
    """Return what the pickle of an archive holds, with a `TorchArray` for each tensor.

    Raises:
        BasewiseError: it asks for anything but tensors, which is named in full.
        Refused and others: it is damaged, or describes what cannot be.
    """
    stream = Stream(io.BytesIO(archive.pickle), len(archive.pickle))
    held = _Unpickler(stream, archive, path).load()
    if stream.read_up_to(1):
        raise Refused("more bytes after its pickle's end")
    return held


class _Dict(dict):
    """Stands for dict and OrderedDict; a state (the versions of modules) is not kept."""

    __slots__ = ()

    def __setitem__(self, key, value):
        if type(key) not in (str, int):
            raise Refused(f"a key of type {type(key).__name__}")
        super().__setitem__(key, value)

    def __setstate__(self, state):
        pass


class _Inert:
    __slots__ = ()

    def __setstate__(self, state):
        raise Refused("a function with a state")


class _OrderedDict(_Inert):
    __slots__ = ()

    def __call__(self):
        return _Dict()


class _Tensor(_Inert):
    """Stands for torch._utils._rebuild_tensor_v2."""

    __slots__ = ()

    def __call__(
        self, storage, first, shape, strides, requires_grad=False, hooks=None, metadata=None
    ):
        if type(storage) is not Segment:
            raise Refused("a tensor without a storage")
        return TorchArray(storage, first, shape, strides)


class _Parameter(_Inert):
    """Stands for torch._utils._rebuild_parameter, with or without Python attributes."""

    __slots__ = ()

    def __call__(self, tensor, requires_grad, hooks, state=None):
        if type(tensor) is not TorchArray:
            raise Refused("a parameter without a tensor")
        return tensor


KNOWN = {
    ("collections", "OrderedDict"): _OrderedDict(),
    ("torch._utils", "_rebuild_tensor"): _Tensor(),
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor(),
    ("torch._utils", "_rebuild_parameter"): _Parameter(),
    ("torch._utils", "_rebuild_parameter_with_state"): _Parameter(),
    **{("torch", name): f"torch.{name}" for name in STORAGES},  # text, never the class
}


class _Dispatch(dict):
    def __missing__(self, opcode: int):
        raise Refused(f"the pickle opcode {opcode:#04x}, which no tensor needs")


class _Unpickler(pickle._Unpickler):  # the one in C has no table of opcodes to restrict
    dispatch = _Dispatch({code[0]: pickle._Unpickler.dispatch[code[0]] for code in OPCODES})

    def __init__(self, stream: Stream, archive: Archive, path: Path):
        super().__init__(stream)
        self._archive, self._path = archive, path

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in KNOWN:
            raise BasewiseError(
                f"{self._path} asks for {module}.{name}, which is not a tensor of a state dict",
                hint="It was refused and nothing in it ran. Do not open it with torch.load or "
                "pickle; get model.safetensors from its publisher, or the file again.",
            )
        return KNOWN[module, name]

    def persistent_load(self, described: object) -> Segment:
        if type(described) is not tuple or len(described) != 5:
            raise Refused("a storage that is not described by five values")
        tag, storage, key, _, count = described
        kinds = {f"torch.{name}": kind for name, kind in STORAGES.items()}
        if tag != "storage" or type(storage) is not str or storage not in kinds:
            raise Refused("a storage of an unknown type")
        if type(key) is not str or key not in self._archive.storages:
            raise Refused("a storage that is not in the archive")
        entry = self._archive.storages[key]
        order = self._archive.byte_order
        segment = Segment(self._path, kinds[storage], order, entry.offset, entry.nbytes, entry.crc)
        if type(count) is not int or count * segment.stored.itemsize != entry.nbytes:
            raise Refused("a storage of another size than its bytes in the archive")
        return segment

    def load_empty_dictionary(self):
        self.append(_Dict())

    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dictionary
