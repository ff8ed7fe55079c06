"""Getting a genome: fetched, checked letter by letter, filtered, written with one line width."""

import gzip
import hashlib
import json
import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.genome.fai import check_chrom_size
from basewise.genome.fetch import is_html, local_copy
from basewise.genome.scan import scan_fasta

try:  # several times faster
    from isal import igzip
    from isal.isal_zlib import error as isal_error
except ImportError:
    igzip, isal_error = gzip, zlib.error

logger = logging.getLogger(__name__)

LINE_BP = 60

OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x43\x27\x41\x1a": "a 2bit file",
}


def get_genome(
    source: str,
    output_fasta: str | PathLike,
    record_json: str | PathLike,
    *,
    checksum: str | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    min_contig_bp: int = 0,
) -> dict:
    """Fetch a genome and write it as plain FASTA of 60-column lines, with a record of what it is.

    Args:
        source: URL or path of a FASTA file, plain, gzip or bgzip.
        output_fasta: The FASTA to write; names are the headers' first words, case is kept.
        record_json: Where to write what this function returns.
        checksum: "sha256:<hex>" or "md5:<hex>" of the source file as it is stored.
        include: Glob patterns of the chroms to keep; empty keeps all.
        exclude: Glob patterns of the chroms to drop.
        min_contig_bp: Drop chroms shorter than this.

    Returns:
        source, sha256 (of the source file), fasta_sha256 (of the output), chroms (their number),
        bp, chromsizes ({chrom: bp} in file order), n_dropped, dropped_bp, fetched (UTC), dropped
        (the chroms that filters kept out).

    Raises:
        BasewiseError: The source cannot be had or is not a sound FASTA file of DNA, or the
            filters leave nothing. Nothing is written then.
    """
    output_fasta = Path(output_fasta)
    with (
        local_copy(source, output_fasta, checksum) as (path, sha256),
        atomic_path(record_json) as temporary_record,
        atomic_path(output_fasta) as temporary,
    ):
        with _open_text(path, str(source)) as text, temporary.open("wb") as stream:
            writer = _Writer(stream, include, exclude, min_contig_bp)
            for name, bases in scan_fasta(text, str(source)):
                writer.add(name, bases)
            writer.end()
        for name, size_bp in writer.kept.items():
            check_chrom_size(source, name, size_bp)
        _check_filters(str(source), writer, include, exclude, min_contig_bp)
        record = {
            "source": str(source),
            "sha256": sha256,
            "fasta_sha256": writer.digest.hexdigest(),
            "chroms": len(writer.kept),
            "bp": sum(writer.kept.values()),
            "n_dropped": len(writer.dropped),
            "dropped_bp": sum(writer.dropped.values()),
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
            "chromsizes": writer.kept,
            "dropped": list(writer.dropped),
        }
        temporary_record.write_text(json.dumps(record, indent=2) + "\n")
    logger.info(
        "%s: %d chroms with %d bp kept, %d dropped",
        source,
        record["chroms"],
        record["bp"],
        record["n_dropped"],
    )
    return record


@contextmanager
def _open_text(path: Path, source: str) -> Iterator[BinaryIO]:
    """The FASTA text of a plain or gzip file, refused at its first bytes if it is another kind."""
    with path.open("rb") as stream:
        first = stream.read(512)
    for magic, kind in OTHER_FORMATS.items():
        if first.startswith(magic):
            raise BasewiseError(
                f"{source} is not FASTA", found=kind, hint="Unpack it, or pack it with gzip"
            )
    packed = first.startswith(b"\x1f\x8b")
    try:
        with igzip.open(path, "rb") if packed else path.open("rb") as stream:
            first = stream.read(512)
            if is_html(first):
                raise BasewiseError(
                    f"{source} is a web page, not FASTA",
                    found=repr(first.strip()[:40].decode("utf-8", "replace")),
                    hint="Give the URL of the file itself",
                )
            stream.seek(0)
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error, isal_error) as error:
        raise BasewiseError(
            f"{source} is a truncated or damaged gzip file",
            found=str(error),
            hint="Fetch or copy it again",
        ) from None


class _Writer:
    """Writes the chroms that pass the filters in lines of one width."""

    def __init__(
        self,
        stream: BinaryIO,
        include: Sequence[str],
        exclude: Sequence[str],
        min_contig_bp: int,
    ):
        self.stream = stream
        self.include, self.exclude, self.min_contig_bp = include, exclude, min_contig_bp
        self.digest = hashlib.sha256()
        self.kept: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self._name: str | None = None
        self._is_wanted = True
        self._bp = 0
        self._rest = b""
        self._undo = (0, self.digest)

    def add(self, name: str, bases: bytes) -> None:
        """Take the next piece of a record; an unseen name ends the record before."""
        if name != self._name:
            self.end()
            self._name, self._bp, self._rest = name, 0, b""
            self._is_wanted = is_wanted(name, self.include, self.exclude)
            self._undo = (self.stream.tell(), self.digest.copy())
            if self._is_wanted:
                self._write(f">{name}\n".encode())
        self._bp += len(bases)
        if self._is_wanted:
            self._rest += bases
            whole = len(self._rest) // LINE_BP
            lines = np.full((whole, LINE_BP + 1), ord("\n"), dtype=np.uint8)
            letters = np.frombuffer(self._rest, dtype=np.uint8, count=whole * LINE_BP)
            lines[:, :LINE_BP] = letters.reshape(whole, LINE_BP)
            self._write(lines.data)
            self._rest = self._rest[whole * LINE_BP :]

    def end(self) -> None:
        """Finish the record at hand, or take it back if it is too short."""
        if self._name is None:
            return
        if not self._is_wanted or self._bp < self.min_contig_bp:
            self.dropped[self._name] = self._bp
            start, self.digest = self._undo
            self.stream.seek(start)
            self.stream.truncate()
            return
        if self._rest:
            self._write(self._rest + b"\n")
        self.kept[self._name] = self._bp

    def _write(self, data: bytes | memoryview) -> None:
        self.stream.write(data)
        self.digest.update(data)


def is_wanted(chrom: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether glob patterns let a chrom pass; without any to include, all do."""
    return (not include or _matches(chrom, include)) and not _matches(chrom, exclude)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_filters(
    source: str,
    writer: _Writer,
    include: Sequence[str],
    exclude: Sequence[str],
    min_contig_bp: int,
) -> None:
    names = [*writer.kept, *writer.dropped]
    if not writer.kept:
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise BasewiseError(
            f"{source}: include {list(include)}, exclude {list(exclude)} and min_contig_bp "
            f"{min_contig_bp} leave no chrom",
            found=f"{len(names)} chroms: {shown}",
            hint="Patterns are globs on whole names, as chr* or chr[1-9]",
        )
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(name, pattern) for name in names):
            logger.warning("%s: the chrom pattern %r matches no chrom", source, pattern)
