"""The one type that every encoder is a value of: texts in, vectors out, and a key that tells both.

Shapes: J tokens, P width of a protein's tokens, C width of a context.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from basewise.encoders.residues import clean_protein
from basewise.errors import BasewiseError

PROTEIN, TEXT = "protein", "text"
KINDS = {PROTEIN: "proteins", TEXT: "text"}

Item = str | Sequence[str]


@dataclass(frozen=True)
class Encoder:
    """An encoder of proteins (float32 (J, P) each) or of text (float32 (C,) each).

    Attributes:
        kind: "protein" or "text".
        dim: P or C.
        max_length: residues of one chain, or tokens of one text with its special tokens, beyond
            which nothing is read; None where any length is read.
        fingerprint: sha256 of what computes: parameters, vocabulary, tables.
        settings: what else shapes the vectors, such as layer and pooling.
        encode_each: (distinct clean texts) -> (their place, vectors), in any order.
    """

    name: str
    kind: str
    dim: int
    max_length: int | None
    fingerprint: str
    encode_each: Callable[[Sequence[str]], Iterator[tuple[int, np.ndarray]]] = field(repr=False)
    settings: Mapping = field(default_factory=dict)

    def encode(self, items: Sequence[Item]) -> list[np.ndarray]:
        """Return the vectors of each item, in order.

        Args:
            items: of proteins, tuples of chains; each chain is encoded alone, and their tokens are
                concatenated. A text, or a chain alone, may be a plain string.

        Raises:
            BasewiseError: an item without chains, or a chain that is no protein, by number.
        """
        units = [
            self.units(item, f"{self.kind} {number}") for number, item in enumerate(items, start=1)
        ]
        distinct = list(dict.fromkeys(unit for item in units for unit in item))
        vectors = dict(self.encode_each(distinct))
        by_text = {text: vectors[place] for place, text in enumerate(distinct)}
        return [join([by_text[unit] for unit in item]) for item in units]

    def units(self, item: Item, record: str) -> tuple[str, ...]:
        """Return what of an item is encoded and cached alone: clean chains, or the text.

        Args:
            record: what the item is, for errors.

        Raises:
            BasewiseError: an item without chains, or a chain that is no protein.
        """
        parts = (item,) if isinstance(item, str) else tuple(item)
        if not parts:
            raise BasewiseError(f"{record} has no protein", found="no chain")
        if self.kind == PROTEIN:
            return tuple(clean_protein(part, record) for part in parts)
        if len(parts) != 1:
            raise BasewiseError(f"{record} must be one text", found=f"{len(parts)} of them")
        if not parts[0].strip():
            raise BasewiseError(f"{record} is an empty text")
        return parts

    def key(self, text: str) -> str:
        """Return the sha256 under which the vectors of a unit are cached."""
        told = [self.fingerprint, self.kind, self.max_length, dict(self.settings), text]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def check_kind(self, kind: str) -> None:
        """Raise BasewiseError unless it encodes what is asked for."""
        if self.kind != kind:
            raise BasewiseError(
                f"encoder {self.name} does not encode {KINDS[kind]}",
                found=f"an encoder of {KINDS[self.kind]}",
            )


def join(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the tokens of several chains one after another; a single part as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def fingerprint_of(*parts: object) -> str:
    """Return the sha256 of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
