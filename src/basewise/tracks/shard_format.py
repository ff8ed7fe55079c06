"""The layout of a shard file: frames of packed values, then a footer that describes them.

    magic (8 bytes)
    for each block, for each track: length (uint32), one blosc2 frame
    footer (JSON), its CRC-32 (uint32), its length (uint64), end magic (8 bytes)

A block is a stretch of touching cores on one chrom. The end magic is written last, so a file
without it was never whole.
"""

import json
import struct
import zlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from basewise.errors import BasewiseError

MAGIC = b"BWSHARD1"
END_MAGIC = b"1DRAHSWB"
VERSION = 1
FRAME_LENGTH = struct.Struct("<I")
TRAILER = struct.Struct("<IQ8s")  # CRC-32 of the footer, its length, end magic
BLOCK_BP = 1_000_000


class DamagedShardError(BasewiseError):
    """A shard's bytes are not those that were written.

    Attributes:
        path: The shard.
        damage: What is wrong with it, without what to do.
    """

    def __init__(self, path: Path, damage: str, *, found: object):
        self.path, self.damage = path, f"{path} {damage}; found {found}"
        hint = "Delete it and run again, so that it is computed anew"
        super().__init__(f"{path} {damage}", found=found, hint=hint)


@dataclass(frozen=True, eq=False)
class Block:
    """Touching cores of one chrom, stored together.

    Attributes:
        chrom, start, end: The stretch, bp, 0-based half-open.
        cores: int64 (n, 2), start and end in bp of each tile's core, in order, touching.
        offsets, lengths, crcs: int64 (n_tracks,): where each track's frame lies (past its length
            prefix), its bytes, its CRC-32.
    """

    chrom: str
    start: int
    end: int
    cores: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray
    crcs: np.ndarray

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start}-{self.end}"

    def to_dict(self) -> dict:
        """Plain values for the footer; cores as their boundaries, which touch."""
        return {
            "chrom": self.chrom,
            "bounds": [self.start, *self.cores[:, 1].tolist()],
            "offsets": self.offsets.tolist(),
            "lengths": self.lengths.tolist(),
            "crcs": self.crcs.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict) -> "Block":
        """The block of `to_dict`."""
        bounds = np.array(values["bounds"], dtype=np.int64)
        return cls(
            chrom=values["chrom"],
            start=int(bounds[0]),
            end=int(bounds[-1]),
            cores=np.column_stack((bounds[:-1], bounds[1:])),
            **{
                key: np.array(values[key], dtype=np.int64) for key in ("offsets", "lengths", "crcs")
            },
        )


def n_bins(start: int, end: int, resolution_bp: int) -> int:
    """Values that cover [start, end); the last covers fewer bases where they do not divide."""
    return -(-(end - start) // resolution_bp)


def pack_footer(footer: dict) -> bytes:
    """The footer and everything after it."""
    text = json.dumps(footer, separators=(",", ":"), sort_keys=True).encode()
    return text + TRAILER.pack(zlib.crc32(text), len(text), END_MAGIC)


def read_footer(path: str | PathLike) -> dict:
    """Check a shard's two magics and its footer's checksum, and return the footer.

    Raises:
        DamagedShardError: The file is no shard, cut short or damaged.
        BasewiseError: It is missing, or of another version.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            if stream.read(len(MAGIC)) != MAGIC:
                raise DamagedShardError(path, "is not a shard", found=f"{size} bytes")
            if size < len(MAGIC) + TRAILER.size:
                raise DamagedShardError(path, "is cut short", found=f"{size} bytes")
            stream.seek(size - TRAILER.size)
            crc, length, end_magic = TRAILER.unpack(stream.read(TRAILER.size))
            if end_magic != END_MAGIC or length > size - len(MAGIC) - TRAILER.size:
                found = f"{size} bytes without a footer"
                raise DamagedShardError(path, "is cut short", found=found)
            stream.seek(size - TRAILER.size - length)
            text = stream.read(length)
    except FileNotFoundError:
        raise BasewiseError(f"{path} does not exist", hint="Run its prediction first") from None
    if zlib.crc32(text) != crc:
        raise DamagedShardError(path, "is damaged in its footer", found="another CRC-32")
    footer = json.loads(text)
    if footer["version"] != VERSION:
        raise BasewiseError(
            f"{path} is a shard of another version",
            found=footer["version"],
            hint="Delete it and run again, so that it is computed anew",
        )
    return footer
