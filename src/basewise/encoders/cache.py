"""Embeddings on disk: one .npy file per chain or text, named by what it holds, and an index.

A file's name is the key of `Encoder`, so that another encoder, layer, pooling, length or sequence
is another file, and an old one is never taken for a new one. The index is a table with a row per
name: its files in order (several for a complex), tokens, width.
"""

import csv
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basewise.atomic import atomic_path
from basewise.encoders.encoder import Encoder, Item, join
from basewise.errors import BasewiseError, nearest

logger = logging.getLogger(__name__)

COLUMNS = ("name", "encoder", "tokens", "dim", "files")
SHOWN = 5


@dataclass(frozen=True)
class EmbeddingCache:
    """A directory of .npy files by key, in folders by the first two letters of it."""

    folder: Path

    def path(self, key: str) -> Path:
        """Where the vectors of a key are, or would be."""
        return Path(self.folder) / key[:2] / f"{key}.npy"

    def write(self, key: str, vectors: np.ndarray) -> None:
        """Write the vectors of a key, whole or not at all."""
        with atomic_path(self.path(key)) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(vectors, np.float32))


def write_embeddings(
    items: Mapping[str, Item],
    encoder: Encoder,
    cache: str | os.PathLike,
    index: str | os.PathLike,
) -> int:
    """Encode what the cache lacks, and write the index of all names; return how many were encoded.

    What was encoded before a kill is kept and not encoded again.

    Args:
        items: by name, the chains of a protein or a text.
        cache: a directory, which several indices may share.
        index: a .tsv, written last.

    Raises:
        BasewiseError: no item, or one that the encoder cannot read, before anything is encoded.
    """
    if not items:
        raise BasewiseError(f"there is nothing to encode for {index}")
    store = EmbeddingCache(Path(cache))
    units = {name: encoder.units(item, name) for name, item in items.items()}
    keys = {unit: encoder.key(unit) for parts in units.values() for unit in parts}
    _warn_of_long(units, encoder)
    lacking = [unit for unit, key in keys.items() if not store.path(key).is_file()]
    logger.info(
        "%s: %d names, %d distinct texts, of which %d are in %s",
        *(encoder.name, len(units), len(keys), len(keys) - len(lacking), cache),
    )
    for number, (place, vectors) in enumerate(encoder.encode_each(lacking), start=1):
        if not np.isfinite(vectors).all():
            raise BasewiseError(
                f"encoder {encoder.name} gives values that are not finite",
                found=lacking[place][:60],
            )
        store.write(keys[lacking[place]], vectors)
        if number % 100 == 0:
            logger.info("encoded %d of %d", number, len(lacking))
    _write_index(
        Path(index),
        {name: [store.path(keys[unit]) for unit in parts] for name, parts in units.items()},
        encoder,
    )
    return len(lacking)


def _warn_of_long(units: Mapping[str, Sequence[str]], encoder: Encoder) -> None:
    if encoder.max_length is None or encoder.kind != "protein":
        return
    long = [name for name, parts in units.items() if max(map(len, parts)) > encoder.max_length]
    if long:
        logger.warning(
            "%d proteins have chains longer than %s reads (%d residues), and are cut: %s",
            *(len(long), encoder.name, encoder.max_length, ", ".join(long[:SHOWN])),
        )


def _write_index(index: Path, files: Mapping[str, Sequence[Path]], encoder: Encoder) -> None:
    with atomic_path(index) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for name in sorted(files):
            shapes = [_open(path).shape for path in files[name]]
            tokens = sum(shape[0] for shape in shapes) if len(shapes[0]) == 2 else 1
            paths = [Path(os.path.relpath(path, index.parent)).as_posix() for path in files[name]]
            writer.writerow((name, encoder.name, tokens, shapes[0][-1], ",".join(paths)))


class Embeddings:
    """The embeddings that an index names, read when asked for, as memory maps.

    Attributes:
        encoder: name of what made them.
        dim: width P or C.
    """

    def __init__(self, index: str | os.PathLike):
        """Read an index.

        Raises:
            BasewiseError: no such file, or no index.
        """
        self.index = Path(index)
        if not self.index.is_file():
            raise BasewiseError(
                f"the index of embeddings {index} does not exist",
                hint="The rules encode_proteins and encode_contexts write them.",
            )
        with self.index.open(newline="") as stream:
            reader = csv.reader(stream, delimiter="\t")
            if tuple(next(reader, ())) != COLUMNS:
                raise BasewiseError(f"{index} is no index of embeddings")
            rows = list(reader)
        if not rows or any(len(row) != len(COLUMNS) for row in rows):
            raise BasewiseError(f"{index} is empty or damaged")
        self._files = {row[0]: row[4].split(",") for row in rows}
        self._tokens = {row[0]: int(row[2]) for row in rows}
        self.encoder, self.dim = rows[0][1], int(rows[0][3])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the vectors of a name: float32 (J, P) of a protein, (C,) of a context.

        Raises:
            BasewiseError: the index does not have it, or its file is gone or damaged.
        """
        if name not in self._files:
            raise BasewiseError(
                f"{name!r} is not among the embeddings of {self.index}",
                found=f"{len(self)} names",
                hint=nearest(name, self._files),
            )
        return join([_open(self.index.parent / file) for file in self._files[name]])

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the key of `Encoder` of each chain or text of a name, by which its file is named.

        Errors as for its vectors.
        """
        if name not in self._files:
            self[name]
        return tuple(Path(file).stem for file in self._files[name])

    def count_tokens(self, name: str) -> int:
        """Tokens J of a protein; 1 of a context. Errors as for its vectors."""
        if name not in self._tokens:
            self[name]
        return self._tokens[name]

    def stack(self, names: Sequence[str], *, length: int | None = None) -> tuple:
        """Return proteins of a batch, padded with zeros, and which tokens are real.

        Args:
            length: tokens to pad to; None for those of the longest.

        Returns:
            float32 (B, J, P) and bool (B, J).

        Raises:
            BasewiseError: as for the vectors of one name, or a protein longer than ``length``.
        """
        vectors = [self[name] for name in names]
        longest = max((len(one) for one in vectors), default=0)
        length = longest if length is None else length
        if longest > length:
            raise BasewiseError(f"proteins do not fit {length} tokens", found=longest)
        stacked = np.zeros((len(vectors), length, self.dim), np.float32)
        mask = np.zeros((len(vectors), length), bool)
        for row, one in enumerate(vectors):
            stacked[row, : len(one)], mask[row, : len(one)] = one, True
        return stacked, mask


def read_embeddings(index: str | os.PathLike) -> Embeddings:
    """Return the embeddings of an index; errors as `Embeddings`."""
    return Embeddings(index)


def check_pairs(
    pairs: Iterable[tuple[str, str]], proteins: Embeddings, contexts: Embeddings
) -> None:
    """Refuse (target, biotype) pairs whose protein or context was not encoded.

    Raises:
        BasewiseError: names the first, how many there are, and the nearest name that is there.
    """
    lacking = [
        (target, biotype)
        for target, biotype in pairs
        if target not in proteins or biotype not in contexts
    ]
    if lacking:
        target, biotype = lacking[0]
        name, held = (target, proteins) if target not in proteins else (biotype, contexts)
        raise BasewiseError(
            f"{len(lacking)} pairs of target and biotype were not encoded, such as {target} in "
            f"{biotype}",
            found=f"no {name!r} in {held.index}",
            hint=nearest(name, held),
        )


def _open(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise BasewiseError(
            f"the embedding {path} is gone", hint="Delete the index that names it, and run again."
        ) from None
    except (ValueError, OSError, EOFError) as error:
        raise BasewiseError(
            f"the embedding {path} is damaged",
            found=error,
            hint="Delete it and the index that names it, and run again.",
        ) from None
