"""The pairs that windows are read for: a target's protein in a biotype's context, as arrays.

Shapes: T pairs, j residues, P their channels, C length of a context's vector.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from basewise.errors import BasewiseError, nearest

SHORTEST = 16  # residues that arrays have at least
MOST_KEPT_BYTES = 1 << 30  # of proteins that are held in memory


class Pair(NamedTuple):
    """What a window is read for."""

    target: str
    biotype: str


class PairArrays(NamedTuple):
    """Pairs side by side: protein float32 (T, j, P), mask bool (T, j), context (T, C) or None."""

    protein: np.ndarray
    mask: np.ndarray
    context: np.ndarray | None


@dataclass(frozen=True)
class PairTable:
    """Pairs by number, with their embeddings.

    Attributes:
        pairs: in the order of their numbers.
        proteins: target -> float (residues, P).
        contexts: biotype -> float (C,); None where the adapter conditions on nothing.
        residue_stride: only every so many-th residue is kept, for encoders whose residues see
            their neighbours; 1 keeps all. Which residue is the first of them is drawn anew
            wherever `take` is given a generator, as in training: else a model learns proteins in
            one frame, and one residue more at an end makes another protein of it.
        max_residues: longer proteins are cut behind; counted before thinning. None for no limit.
    """

    pairs: tuple[Pair, ...]
    proteins: Mapping[str, np.ndarray]
    contexts: Mapping[str, np.ndarray] | None
    residue_stride: int = 1
    max_residues: int | None = None

    @classmethod
    def of(
        cls,
        pairs: Sequence[Pair],
        proteins: Mapping[str, np.ndarray],
        contexts: Mapping[str, np.ndarray] | None,
        *,
        residue_stride: int = 1,
        max_residues: int | None = None,
    ) -> "PairTable":
        """The table of distinct pairs, in the order of their names.

        Raises:
            BasewiseError: a target without a protein, or a biotype without a context, named.
        """
        distinct = sorted({Pair(*pair) for pair in pairs})
        _check(distinct, "target", "protein", proteins)
        if contexts is not None:
            _check(distinct, "biotype", "context", contexts)
        return cls(tuple(distinct), proteins, contexts, residue_stride, max_residues)

    def __len__(self) -> int:
        return len(self.pairs)

    def numbers(self, targets: Sequence[str], biotypes: Sequence[str]) -> np.ndarray:
        """Return int32 (n,), the number of each pair.

        Raises:
            BasewiseError: a pair that the table lacks.
        """
        found = [self._numbers.get(pair, -1) for pair in zip(targets, biotypes, strict=True)]
        if -1 in found:
            place = found.index(-1)
            raise BasewiseError(
                "a window is of a pair that has no embeddings",
                found=f"{targets[place]} in {biotypes[place]}",
            )
        return np.array(found, np.int32)

    def take(self, numbers: Sequence[int], rng: np.random.Generator | None = None) -> PairArrays:
        """Return the embeddings of pairs, padded to a length that few sets of pairs differ in.

        Args:
            rng: draws the phase in which each pair's residues are thinned; None for the middle.
        """
        stride, whole = self.residue_stride, [self._protein(self.pairs[i].target) for i in numbers]
        phases = (
            [stride // 2] * len(whole) if rng is None else rng.integers(stride, size=len(whole))
        )
        proteins = [
            thin_residues(protein, stride=stride, phase=phase)
            for protein, phase in zip(whole, phases, strict=True)
        ]
        n_residues = round_length(max(-(-len(protein) // stride) for protein in whole))
        width = proteins[0].shape[1]
        padded = np.zeros((len(proteins), n_residues, width), np.float32)
        mask = np.zeros((len(proteins), n_residues), bool)
        for row, protein in enumerate(proteins):
            padded[row, : len(protein)] = protein
            mask[row, : len(protein)] = True
        if self.contexts is None:
            return PairArrays(padded, mask, None)
        context = [self.contexts[self.pairs[number].biotype] for number in numbers]
        return PairArrays(padded, mask, np.stack(context).astype(np.float32))

    @property
    def protein_dim(self) -> int:
        """P."""
        return int(self.proteins[self.pairs[0].target].shape[1])

    @property
    def context_dim(self) -> int | None:
        """C."""
        if self.contexts is None:
            return None
        return int(np.shape(self.contexts[self.pairs[0].biotype])[0])

    @property
    def fingerprint(self) -> str:
        """A hash of the pairs and all their embeddings, in all phases."""
        digest = hashlib.sha256(repr((self.pairs, self.residue_stride)).encode())
        for target in sorted({pair.target for pair in self.pairs}):
            digest.update(np.ascontiguousarray(self._protein(target), "<f4").tobytes())
        if self.contexts is not None:
            for biotype in sorted({pair.biotype for pair in self.pairs}):
                digest.update(np.ascontiguousarray(self.contexts[biotype], "<f4").tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _held(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _numbers(self) -> dict[tuple[str, str], int]:
        return {tuple(pair): number for number, pair in enumerate(self.pairs)}

    def _protein(self, target: str) -> np.ndarray:
        """All residues that any phase keeps, in memory as float32 while there is room."""
        if target not in self._held:
            read = self.proteins[target][: self.max_residues]
            if sum(held.nbytes for held in self._held.values()) >= MOST_KEPT_BYTES:
                return read
            self._held[target] = np.array(read, np.float32)
        return self._held[target]


def thin_residues(
    protein: np.ndarray,
    *,
    stride: int = 1,
    max_residues: int | None = None,
    phase: int | None = None,
) -> np.ndarray:
    """Return every so many-th of the first ``max_residues`` residues of a protein (j, P).

    A protein that ends before the first of them keeps its last residue.

    Args:
        phase: the first that is kept, 0 to stride - 1; None for the middle, stride // 2.
    """
    kept = protein[:max_residues]
    first = stride // 2 if phase is None else phase
    return kept[min(first, len(kept) - 1) :: stride]


def round_length(n_residues: int) -> int:
    """Return the length that proteins of so many residues are padded to: 2^k or 3 · 2^k."""
    length = SHORTEST
    while length < n_residues:
        is_power = length & (length - 1) == 0
        length = length * 3 // 2 if is_power else length * 4 // 3
    return length


def _check(pairs: Sequence[Pair], field: str, what: str, known: Mapping) -> None:
    names = dict.fromkeys(getattr(pair, field) for pair in pairs)
    missing = [name for name in names if name not in known]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BasewiseError(
            f"{field} {missing[0]!r}{more} has no {what} in the cache of encoded {what}s",
            found=f"{len(known)} {what}s",
            hint=f"{nearest(missing[0], known)} Encode its {what}, or leave the {field} out.",
        )
