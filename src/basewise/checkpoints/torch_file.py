"""Reading PyTorch checkpoints without PyTorch: model.safetensors and pytorch_model.bin.

Nothing of a file is executed, and one tensor at a time is in memory. Sharded checkpoints are read
through their index. Floats come out as float32, bfloat16 exactly so.
"""

import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from basewise.checkpoints.restricted import CAUSES as PICKLE_CAUSES
from basewise.checkpoints.stand_ins import Refused, StoredArray
from basewise.checkpoints.torch_array import TorchArray, check_segment, read_values
from basewise.checkpoints.torch_pickle import read_pickle
from basewise.checkpoints.torch_safetensors import read_safetensors
from basewise.checkpoints.torch_zip import read_archive
from basewise.errors import BasewiseError

CAUSES = (*PICKLE_CAUSES, zipfile.BadZipFile, SafetensorError, NotImplementedError, RuntimeError)
INDEX_SUFFIX = ".index.json"
PLAIN = re.compile(r"[\w-][\w.-]*")
MAX_INDEX_BYTES = 64 << 20
LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
OTHERS = {
    LEGACY_MAGIC: (
        "a file of torch.save before PyTorch 1.6, or without its zip format",
        "Rewrite it where PyTorch is: torch.save(torch.load(FILE, weights_only=True), NEW_FILE).",
    ),
    b"\x80": ("a bare pickle", "Give the file that torch.save or safetensors wrote."),
    b"version https://git-lfs": ("a Git LFS pointer", "Run git lfs pull where it comes from."),
    b"<": ("a web page", "Download it again, with access to the repository."),
}


def read_torch_layout(path: str | os.PathLike) -> dict[str, StoredArray]:
    """Return ``{name: array}`` of a state dict; runs nothing of it and reads no values.

    Args:
        path: model.safetensors, pytorch_model.bin (torch.save of PyTorch 1.6 or later), or the
            index of either in shards (``….index.json``).

    Raises:
        BasewiseError: no such file; anything but tensors in it (named in full); truncated,
            damaged, or of a format that is not read.
    """
    path = Path(path)
    if path.name.endswith(INDEX_SUFFIX):
        return _read_shards(path)
    if not path.is_file():
        raise BasewiseError(f"{path} does not exist")
    with path.open("rb") as stream:
        first = stream.read(64)
    try:
        if first.startswith(b"PK"):
            return _check_names(read_pickle(read_archive(path), path), path)
        if first[8:9] == b"{":
            return read_safetensors(path)
    except BasewiseError:
        raise
    except CAUSES as error:
        raise _broken(path, error) from None
    found, hint = next(
        (other for magic, other in OTHERS.items() if first.startswith(magic)),
        (f"first bytes {first[:16]!r}", None),
    )
    raise BasewiseError(f"{path} is no PyTorch checkpoint that is read", found=found, hint=hint)


def read_torch_values(
    path: str | os.PathLike, arrays: Iterable[StoredArray]
) -> Iterator[tuple[StoredArray, np.ndarray]]:
    """Yield each array of `read_torch_layout` with its values, one at a time, file by file.

    Floats of any width come as float32, others as they are.

    Raises:
        BasewiseError: a file is damaged, or no longer the one that was looked at.
    """
    unique = {id(array): array for array in arrays}.values()
    ordered = sorted(unique, key=lambda array: (str(array.segment.file), array.offset))
    for file, group in groupby(ordered, key=lambda array: array.segment.file):
        checked = set()
        try:
            with file.open("rb") as stream:
                for array in group:
                    segment = array.segment
                    is_part = array.reach < segment.n_numbers
                    if is_part and segment not in checked:
                        check_segment(stream, segment)
                        checked.add(segment)
                    yield array, read_values(stream, array)
        except CAUSES as error:
            raise _broken(file, error) from None


def torch_files(path: str | os.PathLike) -> list[Path]:
    """Return the files that a checkpoint is made of: itself, or an index and its shards.

    Raises:
        BasewiseError: an index that is missing or broken.
    """
    path = Path(path)
    if not path.name.endswith(INDEX_SUFFIX):
        return [path]
    return [path, *sorted({path.with_name(shard) for shard in _read_index(path).values()})]


def _read_shards(index: Path) -> dict[str, StoredArray]:
    expected = _read_index(index)
    layout = {}
    for shard in sorted(set(expected.values())):
        held = read_torch_layout(index.with_name(shard))
        for name in sorted(held.keys() ^ {name for name in expected if expected[name] == shard}):
            raise BasewiseError(
                f"{index} and {shard} do not belong together",
                found=f"{name} {'only in the shard' if name in held else 'not in the shard'}",
                hint="Get all files of the checkpoint again, of one revision.",
            )
        layout |= held
    return layout


def _read_index(index: Path) -> dict[str, str]:
    """Return ``{name of a tensor: name of its file}``."""
    if not index.is_file():
        raise BasewiseError(f"{index} does not exist")
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise BasewiseError(f"{index} is no index of shards", found="a file far too large")
    try:
        held = json.loads(index.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BasewiseError(f"{index} is not JSON", found=error) from None
    named = held.get("weight_map") if isinstance(held, dict) else None
    if not isinstance(named, dict) or not named:
        raise BasewiseError(f"{index} is no index of shards", found="no weight_map")
    for shard in named.values():
        is_plain = isinstance(shard, str) and PLAIN.fullmatch(shard)
        if not is_plain or shard.endswith(INDEX_SUFFIX):
            raise BasewiseError(
                f"{index}: a shard should be the name of a file beside it", found=repr(shard)
            )
    return named


def _check_names(held: object, path: Path) -> dict[str, TorchArray]:
    if not isinstance(held, dict):
        raise BasewiseError(
            f"{path} should hold a state dict", found=type(held).__name__.strip("_")
        )
    for name, array in held.items():
        if type(name) is not str or type(array) is not TorchArray:
            raise BasewiseError(
                f"{path}: {name} should be a tensor",
                found=type(array).__name__.strip("_").lower(),
                hint="Save the model's state_dict() alone.",
            )
    return dict(held)


def _broken(path: Path, error: Exception) -> BasewiseError:
    if isinstance(error, Refused):
        return BasewiseError(f"{path} holds what is not read", found=error)
    return BasewiseError(
        f"{path} is truncated or damaged",
        found=str(error) or type(error).__name__,
        hint="Get it again, and compare its sha256 with the publisher's.",
    )
