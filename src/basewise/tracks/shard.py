"""The shard store: the quantised cores of one job's tiles in one checksummed file."""

import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import blosc2
import numpy as np

from basewise.atomic import atomic_path, explain_write_errors
from basewise.errors import BasewiseError
from basewise.track import Track
from basewise.tracks.quantise import check_dtype
from basewise.tracks.shard_format import (
    BLOCK_BP,
    FRAME_LENGTH,
    MAGIC,
    VERSION,
    Block,
    DamagedShardError,
    n_bins,
    pack_footer,
    read_footer,
)

# zstd-1 makes uint8 tracks a fifth smaller than lz4-5 and is still faster than a disk.
CODEC = {"codec": blosc2.Codec.ZSTD, "clevel": 1, "filters": [blosc2.Filter.BITSHUFFLE]}


class ShardWriter:
    """A shard that is being written; a context manager, which finishes the file as it ends.

    Args:
        path: The file. It appears whole when the context ends without an error, or not at all.
        tracks: The tracks, in the order of the values' first axis.
        dtype: "uint8", "float16" or "float32" (see `quantise`).
        resolution_bp: Bases per value.
        metadata: What must be equal in all shards of a run (model, checkpoint, precision, ...).
        run: What may differ between them (host, device, throughput); may be filled while writing.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        tracks: Sequence[Track],
        dtype: str,
        resolution_bp: int,
        metadata: Mapping,
        run: Mapping | None = None,
    ):
        self.path = Path(path)
        self.tracks = tuple(tracks)
        self.dtype = check_dtype(dtype)
        self.resolution_bp = int(resolution_bp)
        self.metadata = dict(metadata)
        self.run = {} if run is None else run
        names = [track.name for track in self.tracks]
        if not names or len(set(names)) != len(names):
            raise BasewiseError(f"{path}: track names must be unique and at least one", found=names)
        self._blocks: list[Block] = []
        self._seen: set[str] = set()
        self._cores: list[tuple[int, int]] = []
        self._values: list[np.ndarray] = []
        self._chrom: str | None = None

    def __enter__(self) -> "ShardWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._stream = stack.enter_context(temporary.open("wb"))
            self._stream.write(MAGIC)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error is not None:
            with suppress(OSError, BasewiseError):  # a disk that is full fails again
                self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._flush()
            self._stream.write(pack_footer(self._footer()))

    def add(self, tile_core: tuple[str, int, int], values: np.ndarray) -> None:
        """Append one tile's core.

        Args:
            tile_core: Its (chrom, start, end) in bp. Cores come in genome order: each chrom in one
                go, ascending.
            values: (n_tracks, n_bins) of the shard's dtype, already quantised.

        Raises:
            BasewiseError: Another dtype or shape than the core asks for, or out of order.
        """
        chrom, start, end = tile_core
        where = f"{self.path}: core {chrom}:{start}-{end}"
        expected = (len(self.tracks), n_bins(start, end, self.resolution_bp))
        if not 0 <= start < end:
            raise BasewiseError(f"{where} is not an interval")
        if values.shape != expected or values.dtype != self.dtype:
            raise BasewiseError(
                f"{where} needs {self.dtype.name} values of shape {expected}",
                found=f"{values.dtype.name} {values.shape}",
            )
        same_chrom = chrom == self._chrom
        if (same_chrom and start < self._end) or (not same_chrom and chrom in self._seen):
            raise BasewiseError(
                f"{where} is out of genome order", found=f"{self._chrom}:{self._end} before it"
            )
        touches = same_chrom and start == self._end
        whole_bins = self._cores and (self._end - self._cores[0][0]) % self.resolution_bp == 0
        size = self._end - self._cores[0][0] if self._cores else 0
        if not (touches and whole_bins and size + end - start <= BLOCK_BP):
            with explain_write_errors(self.path):
                self._flush()
        self._chrom, self._end = chrom, end
        self._seen.add(chrom)
        self._cores.append((start, end))
        self._values.append(np.array(values))  # the caller may reuse its buffer

    def _flush(self) -> None:
        if not self._cores:
            return
        offsets, lengths, crcs = [], [], []
        for index in range(len(self.tracks)):
            row = np.concatenate([values[index] for values in self._values])
            frame = blosc2.compress2(row, typesize=self.dtype.itemsize, nthreads=1, **CODEC)
            self._stream.write(FRAME_LENGTH.pack(len(frame)))
            offsets.append(self._stream.tell())
            lengths.append(len(frame))
            crcs.append(zlib.crc32(frame))
            self._stream.write(frame)
        cores = np.array(self._cores, dtype=np.int64)
        self._blocks.append(
            Block(
                self._chrom,
                int(cores[0, 0]),
                int(cores[-1, 1]),
                cores,
                *(np.array(column, dtype=np.int64) for column in (offsets, lengths, crcs)),
            )
        )
        self._cores, self._values = [], []

    def _footer(self) -> dict:
        return {
            "version": VERSION,
            "dtype": self.dtype.name,
            "resolution_bp": self.resolution_bp,
            "tracks": [track.to_dict() for track in self.tracks],
            "metadata": self.metadata,
            "run": dict(self.run),
            "blocks": [block.to_dict() for block in self._blocks],
            "n_tiles": sum(len(block.cores) for block in self._blocks),
            "bp": sum(block.end - block.start for block in self._blocks),
        }


class ShardReader:
    """A finished shard. It holds no open file, so any number of them, and threads, may read.

    Attributes:
        tracks, dtype, resolution_bp, metadata, run, n_tiles, bp: As written.
        blocks: The blocks in file order.

    Raises:
        DamagedShardError: The file is no shard, cut short or damaged in its footer.
        BasewiseError: It is missing.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        footer = read_footer(self.path)
        self.tracks = tuple(Track.from_dict(track) for track in footer["tracks"])
        self.dtype = check_dtype(footer["dtype"])
        self.resolution_bp: int = footer["resolution_bp"]
        self.metadata: dict = footer["metadata"]
        self.run: dict = footer["run"]
        self.n_tiles: int = footer["n_tiles"]
        self.bp: int = footer["bp"]
        self.blocks = [Block.from_dict(block) for block in footer["blocks"]]

    def track_index(self, name: str) -> int:
        """The place of a track on the values' first axis; an unknown name is an error."""
        names = [track.name for track in self.tracks]
        if name not in names:
            raise BasewiseError(
                f"{self.path} has no track {name}", hint=f"It has {', '.join(names)}"
            )
        return names.index(name)

    def read(self, block: Block, track_index: int) -> np.ndarray:
        """The stored values of one track in one block, (n_bins,) of the shard's dtype.

        Raises:
            DamagedShardError: The bytes are not those that were written.
        """
        length = int(block.lengths[track_index])
        with self.path.open("rb") as stream:
            stream.seek(int(block.offsets[track_index]))
            frame = stream.read(length)
        if len(frame) != length or zlib.crc32(frame) != block.crcs[track_index]:
            track = self.tracks[track_index].name
            raise DamagedShardError(
                self.path, f"is damaged: track {track} at {block}", found="another CRC-32"
            )
        values = np.empty(n_bins(block.start, block.end, self.resolution_bp), dtype=self.dtype)
        blosc2.decompress2(frame, dst=values, nthreads=1)
        return values
