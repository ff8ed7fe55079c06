"""Writing float32 arrays as safetensors one by one, without holding them all."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

ALIGNMENT = 8


def write_floats(
    path: Path, shapes: Mapping[str, tuple[int, ...]], arrays: Iterable[tuple[str, np.ndarray]]
) -> None:
    """Write (name, values) pairs, coming in any order, as the float32 arrays of `shapes`.

    The file depends on names, shapes and values only, not on the order.
    """
    header, starts, end = {}, {}, 0
    for name in sorted(shapes):
        starts[name], begin = end, end
        end += 4 * math.prod(shapes[name])
        header[name] = {
            "dtype": "F32",
            "shape": list(shapes[name]),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        first = stream.tell()
        stream.truncate(first + end)
        for name, values in arrays:
            stream.seek(first + starts[name])
            stream.write(np.ascontiguousarray(values, "<f4").data)
