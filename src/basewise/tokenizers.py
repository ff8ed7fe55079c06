"""Bases to model input: k-mer ids or one-hot rows, vectorised, with the way back to coordinates.

A k-mer vocabulary counts nucleotides in the order A, T, C, G (last position fastest). The frame
of the k-mers restarts after every N, and what is left of a piece becomes single letters.
Layouts: Dalla-Torre et al. 2025, doi:10.1038/s41592-024-02523-z.
"""

from dataclasses import dataclass

import numba
import numpy as np

from basewise.errors import BasewiseError

PAD_ID, MASK_ID, CLS_ID = 1, 2, 3
_ILLEGAL, _N = 255, 4

_DIGITS = np.full(256, _ILLEGAL, np.uint8)
for _digit, _letter in enumerate(b"ATCGN"):
    _DIGITS[_letter] = _digit

_ONE_HOT = np.zeros((256, 4), np.uint8)
_CODES = np.full(256, 4, np.uint8)
for _channel, _letter in enumerate(b"ACGT"):
    _ONE_HOT[_letter, _channel] = 1
    _CODES[_letter] = _channel


@dataclass(frozen=True)
class Tokenizer:
    """One published vocabulary.

    Attributes:
        k: letters per k-mer; 1 for a vocabulary of single nucleotides.
        kmer_offset: id of the first k-mer (unused for k = 1).
        letter_offset: id of the single letter A; T, C, G, N follow.
        prepend_cls: whether id 3 opens every sequence.
        embedding_rows: ids at or above this have no embedding and are refused.
    """

    name: str
    k: int
    kmer_offset: int
    letter_offset: int
    prepend_cls: bool
    embedding_rows: int

    def tokenize(self, bases: np.ndarray | bytes | str) -> np.ndarray:
        """Return the int32 ids (tokens,) of one sequence of upper-case A, C, G, T, N.

        Raises:
            BasewiseError: another letter, with its 0-based position.
        """
        return self.tokenize_with_spans(bases)[0]

    def tokenize_with_spans(self, bases: np.ndarray | bytes | str) -> tuple[np.ndarray, np.ndarray]:
        """Return ids (tokens,) and the int32 start (bp) of each token; CLS spans 0 bp at 0.

        The span of token i ends where token i + 1 starts; the last one ends with the sequence.
        """
        letters = _as_letters(bases)
        ids = np.empty(letters.size + 1, np.int32)
        starts = np.empty(letters.size + 1, np.int32)
        count, illegal = _tokenize(
            letters,
            _DIGITS,
            self.k,
            self.kmer_offset,
            self.letter_offset,
            self.prepend_cls,
            ids,
            starts,
        )
        if illegal >= 0:
            raise _illegal_letter(letters, illegal)
        return ids[:count].copy(), starts[:count].copy()

    def tokenize_batch(self, bases: np.ndarray) -> np.ndarray:
        """Return int32 ids (B, L / k [+ 1]) of windows uint8 (B, L) without N; k divides L.

        Raises:
            BasewiseError: a letter other than A, C, G, T, or a length that k does not divide.
        """
        if bases.shape[1] % self.k:
            raise BasewiseError(
                f"a window of {bases.shape[1]} bp is not a whole number of {self.k}-mers",
                hint=f"Use a window length that is a multiple of {self.k}.",
            )
        n_kmers = bases.shape[1] // self.k
        ids = np.empty((bases.shape[0], n_kmers + self.prepend_cls), np.int32)
        if self.prepend_cls:
            ids[:, 0] = CLS_ID
        offset = self.kmer_offset if self.k > 1 else self.letter_offset
        row, position = _tokenize_windows(
            np.ascontiguousarray(bases), _DIGITS, self.k, offset, ids[:, int(self.prepend_cls) :]
        )
        if row >= 0:
            raise BasewiseError(
                f"window {row} has a letter at position {position} that no {self.k}-mer can hold",
                found=repr(chr(bases[row, position])),
                hint="Plan tiles around runs of N, or fill them first.",
            )
        return ids


TOKENIZERS = {
    tokenizer.name: tokenizer
    for tokenizer in (
        Tokenizer("v1_6mer", 6, 4, 4100, True, 4105),
        Tokenizer("v2_6mer", 6, 6, 4102, True, 4107),
        Tokenizer("v2_3mer", 3, 6, 70, True, 75),
        Tokenizer("single_nt", 1, 6, 10, False, 15),
    )
}


def pad_batch(rows: list[np.ndarray], fixed_length: int | None = None) -> np.ndarray:
    """Return rows of ids as one int32 array (B, L), padded on the right with the pad id.

    Raises:
        BasewiseError: a row longer than ``fixed_length`` tokens.
    """
    longest = max((row.size for row in rows), default=0)
    if fixed_length is not None and longest > fixed_length:
        raise BasewiseError(
            f"a sequence is longer than the fixed length of {fixed_length} tokens",
            found=f"{longest} tokens",
        )
    batch = np.full((len(rows), fixed_length or longest), PAD_ID, np.int32)
    for padded, row in zip(batch, rows, strict=True):
        padded[: row.size] = row
    return batch


def one_hot(bases: np.ndarray) -> np.ndarray:
    """Return uint8 (…, L, 4) in the order A, C, G, T; every other letter is a row of zeros."""
    return _ONE_HOT[bases]


def one_hot_codes(bases: np.ndarray) -> np.ndarray:
    """Return the uint8 channel of each base, 0-3 for A, C, G, T and 4 for every other letter.

    What devices make one-hot rows of: a quarter of the bytes to send.
    """
    return _CODES[bases]


def _as_letters(bases: np.ndarray | bytes | str) -> np.ndarray:
    if isinstance(bases, str):
        bases = bases.encode("ascii", errors="replace")
    if isinstance(bases, bytes):
        return np.frombuffer(bases, np.uint8)
    return np.ascontiguousarray(bases, np.uint8)


def _illegal_letter(letters: np.ndarray, position: int) -> BasewiseError:
    return BasewiseError(
        f"the sequence has an illegal letter at position {position}",
        found=repr(chr(letters[position])),
        hint="Only A, C, G, T and N in upper case can be tokenized.",
    )


@numba.njit(cache=True, nogil=True)
def _tokenize(letters, digits, k, kmer_offset, letter_offset, prepend_cls, ids, starts):
    count = 0
    if prepend_cls:
        ids[0] = CLS_ID
        starts[0] = 0
        count = 1
    position = 0
    n = letters.size
    while position < n:
        end = position
        index = 0
        while end < n and end < position + k:
            digit = digits[letters[end]]
            if digit == _ILLEGAL:
                return count, end
            if digit == _N:
                break
            index = index * 4 + digit
            end += 1
        if end == position + k and k > 1:
            ids[count] = kmer_offset + index
            starts[count] = position
            count += 1
            position = end
            continue
        stop = end if end > position else position + 1
        for letter in range(position, stop):
            ids[count] = letter_offset + digits[letters[letter]]
            starts[count] = letter
            count += 1
        position = stop
    return count, -1


@numba.njit(cache=True, nogil=True)
def _tokenize_windows(windows, digits, k, offset, ids):
    for row in range(windows.shape[0]):
        window = windows[row]
        position = 0
        for token in range(ids.shape[1]):
            index = 0
            for _ in range(k):
                digit = digits[window[position]]
                if digit >= _N:
                    return row, position
                index = index * 4 + digit
                position += 1
            ids[row, token] = offset + index
    return -1, -1
