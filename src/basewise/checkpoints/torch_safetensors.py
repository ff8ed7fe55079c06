"""Where the tensors of a safetensors file lie."""

import json
import math
from pathlib import Path

from safetensors import safe_open

from basewise.checkpoints.stand_ins import Refused
from basewise.checkpoints.torch_array import BFLOAT16, Segment, TorchArray

KINDS = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": BFLOAT16,
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "b1",
}
METADATA = "__metadata__"


def read_safetensors(path: Path) -> dict[str, TorchArray]:
    """Return ``{name: array}``; no values are read.

    Raises:
        SafetensorError: truncated, damaged, or places that overlap or leave holes.
        Refused: numbers of a type that is not read.
    """
    with safe_open(path, framework="numpy"):  # which checks the header against the file
        pass
    with path.open("rb") as stream:
        n_header = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(n_header))
    return {
        name: _to_array(path, 8 + n_header, described)
        for name, described in header.items()
        if name != METADATA
    }


def _to_array(path: Path, start: int, described: dict) -> TorchArray:
    kind = described["dtype"]
    if kind not in KINDS:
        raise Refused(f"numbers of type {kind}")
    begin, end = described["data_offsets"]
    shape = tuple(described["shape"])
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    segment = Segment(path, KINDS[kind], "<", start + begin, end - begin)
    return TorchArray(segment, 0, shape, strides)
