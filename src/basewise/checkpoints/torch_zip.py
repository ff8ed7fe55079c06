"""The zip archive that torch.save writes: its pickle, and where its storages lie.

Nothing is unpacked to disk, so the names in it are only keys; entries must be stored as they are.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from basewise.checkpoints.compression import Truncated
from basewise.checkpoints.stand_ins import Refused

LOCAL_HEADER = struct.Struct("<4s22xHH")
LOCAL_MAGIC = b"PK\x03\x04"
IS_ENCRYPTED = 0x1
MAX_PICKLE_BYTES = 16 << 20  # a hundred thousand tensors
BYTE_ORDERS = {b"little": "<", b"big": ">"}


@dataclass(frozen=True)
class Entry:
    """A file of the archive: where its bytes are, and their CRC-32 (None where not recorded)."""

    offset: int
    nbytes: int
    crc: int | None


@dataclass(frozen=True)
class Archive:
    """What torch.save wrote.

    Attributes:
        pickle: describes the tensors.
        byte_order: of the numbers, as NumPy writes it.
        storages: by the key that the pickle has for them.
    """

    pickle: bytes
    byte_order: str
    storages: Mapping[str, Entry]


def read_archive(path: Path) -> Archive:
    """Return the pickle and the places of the storages, whose bytes are not read.

    Raises:
        Refused: compressed, encrypted, overlapping or doubled entries, or no state dict.
        zipfile.BadZipFile, EOFError, OSError, ValueError, struct.error: a damaged archive.
    """
    with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
        infos = {info.filename: info for info in archive.infolist()}
        if len(infos) != len(archive.infolist()):
            raise Refused("two entries of one name")
        pickles = [name for name in infos if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Refused(f"{len(pickles)} entries data.pkl, where torch.save writes one")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}constants.pkl" in infos:
            raise Refused("a TorchScript program; save the state_dict() of its module instead")
        entries = dict(_locate(stream, infos, root))
        _check_overlaps(entries.values())
        pickled = _read(stream, entries["data.pkl"], MAX_PICKLE_BYTES)
        order = b"little"
        if "byteorder" in entries:
            order = _read(stream, entries["byteorder"], MAX_PICKLE_BYTES)
        if order not in BYTE_ORDERS:
            raise Refused(f"numbers of byte order {order[:16]!r}")
    storages = {
        name.removeprefix("data/"): entry
        for name, entry in entries.items()
        if name.startswith("data/")
    }
    return Archive(pickled, BYTE_ORDERS[order], storages)


def _locate(
    stream: BinaryIO, infos: Mapping[str, zipfile.ZipInfo], root: str
) -> Iterator[tuple[str, Entry]]:
    """Yield (name below the root, entry) of what is read."""
    end = stream.seek(0, 2)
    for name, info in infos.items():
        below = name.removeprefix(root)
        if below not in ("data.pkl", "byteorder") and not below.startswith("data/"):
            continue
        if info.flag_bits & IS_ENCRYPTED or info.compress_type != zipfile.ZIP_STORED:
            raise Refused("compressed or encrypted entries, which torch.save does not write")
        stream.seek(info.header_offset)
        magic, n_name, n_extra = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
        offset = info.header_offset + LOCAL_HEADER.size + n_name + n_extra
        if magic != LOCAL_MAGIC or stream.read(n_name) != info.orig_filename.encode():
            raise Refused("an entry that is not where the archive says")
        if info.compress_size != info.file_size or offset + info.file_size > end:
            raise Truncated
        yield below, Entry(offset, info.file_size, info.CRC or None)  # zero where torch skips it


def _check_overlaps(entries) -> None:
    end = 0
    for entry in sorted(entries, key=lambda entry: (entry.offset, entry.nbytes)):
        if entry.offset < end:
            raise Refused("entries that overlap")
        end = entry.offset + entry.nbytes


def _read(stream: BinaryIO, entry: Entry, limit: int) -> bytes:
    if entry.nbytes > limit:
        raise Refused(f"a description of {entry.nbytes} bytes, where {limit} are plenty")
    stream.seek(entry.offset)
    data = stream.read(entry.nbytes)
    if entry.crc is not None and zlib.crc32(data) != entry.crc:
        raise Refused("a description that was changed since it was written (CRC-32 differs)")
    return data
