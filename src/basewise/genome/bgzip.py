"""FASTA packed by bgzip, read at random through htslib; plain gzip cannot be read so.

pysam rather than pyfaidx, which needs Biopython for packed files.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from os import PathLike
from pathlib import Path
from threading import Lock

import pysam

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError

GZIP_MAGIC = b"\x1f\x8b\x08"
BGZIP_FIELD = slice(12, 14)  # of a block's header


def is_bgzip(path: str | PathLike) -> bool:
    """Whether a file starts as bgzip writes it; False for one that does not exist."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        header = stream.read(18)
    return header.startswith(GZIP_MAGIC) and header[BGZIP_FIELD] == b"BC"


class BgzipFasta:
    """A bgzip-packed FASTA file; reads are safe from many threads.

    Its indexes, `<path>.fai` and `<path>.gzi`, are made if they are missing or older than the
    file, and kept beside it where the folder allows that. Of records with one name htslib reads
    the first.

    Attributes:
        chromsizes: Chrom lengths in bp, in file order.

    Raises:
        BasewiseError: The file cannot be indexed: cut off, no FASTA, or lines of several widths.
    """

    def __init__(self, path: str | PathLike):
        self.path = Path(path)
        self._lock = Lock()
        indexes = [Path(f"{path}{suffix}") for suffix in (".fai", ".gzi")]
        changed = self.path.stat().st_mtime_ns
        if all(index.is_file() and index.stat().st_mtime_ns >= changed for index in indexes):
            self._open(indexes)
        else:
            with tempfile.TemporaryDirectory() as folder:
                made = [Path(folder, index.name) for index in indexes]
                self._index(made)
                self._open(made)
                with suppress(OSError, BasewiseError):  # they are in memory anyway
                    _keep(made, indexes)
        lengths = zip(self._fasta.references, self._fasta.lengths, strict=True)
        self.chromsizes: dict[str, int] = dict(lengths)

    def read(self, chrom: str, start: int, end: int) -> bytearray:
        """The letters of an interval inside a chrom (bp, 0-based, half-open), as they are."""
        with self._lock:
            text = self._fasta.fetch(chrom, start, end)
        return bytearray(text, "latin-1")

    def close(self) -> None:
        """Give the file back."""
        self._fasta.close()

    def _index(self, made: list[Path]) -> None:
        fai, gzi = map(os.fspath, made)
        try:
            pysam.faidx("--fai-idx", fai, "--gzi-idx", gzi, os.fspath(self.path))
        except pysam.SamtoolsError:
            raise BasewiseError(
                f"{self.path} cannot be indexed",
                found="a cut-off file, no FASTA, or lines of several widths",
                hint="Unpack it with gunzip and try again: then the line at fault is named",
            ) from None

    def _open(self, indexes: list[Path]) -> None:
        fai, gzi = map(os.fspath, indexes)
        self._fasta = pysam.FastaFile(
            os.fspath(self.path), filepath_index=fai, filepath_index_compressed=gzi
        )


def _keep(made: list[Path], indexes: list[Path]) -> None:
    for source, index in zip(made, indexes, strict=True):
        with atomic_path(index) as temporary:
            shutil.copyfile(source, temporary)
