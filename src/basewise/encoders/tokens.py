"""From proteins and text to the token ids of a published encoder."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from basewise.errors import BasewiseError

MAX_WORD = 100  # characters of a word, beyond which it is unknown as a whole
CONTINUED = "##"  # begins a piece that is not the first of its word
WORD_START = "▁"  # begins a piece of SentencePiece that is the first of its word
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# characters that are written without spaces: each is a word
IDEOGRAPHS = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@dataclass(frozen=True)
class Specials:
    """Ids of the tokens that stand for no letter."""

    start: int
    end: int
    pad: int
    unknown: int

    @classmethod
    def of(cls, ids: Mapping[str, int], tokens: Mapping[str, str]) -> "Specials":
        """The ids of `start`, `end`, `pad` and `unknown` tokens.

        Raises:
            BasewiseError: one that the vocabulary does not have.
        """
        for role, token in tokens.items():
            if token not in ids:
                raise BasewiseError(f"the vocabulary has no {token}, the {role} token")
        return cls(**{role: ids[token] for role, token in tokens.items()})


def cut(ids: Sequence[int], specials: Specials, max_tokens: int, *, cuts_end: bool) -> list[int]:
    """Return a sequence's ids between its special tokens, at most ``max_tokens`` in all.

    Args:
        cuts_end: what is too long loses its end token first (ESM); else it keeps both.
    """
    if cuts_end:
        return [specials.start, *ids, specials.end][:max_tokens]
    return [specials.start, *ids[: max_tokens - 2], specials.end]


class ResidueIds:
    """Ids of clean proteins, one per residue."""

    def __init__(self, ids: Mapping[str, int], *, read_as_x: str = ""):
        """Find each letter in a vocabulary, where it may be a word of its own (ProtAlbert).

        Args:
            read_as_x: letters that are read as X, as are those that the vocabulary lacks.

        Raises:
            BasewiseError: the vocabulary is not one of residues.
        """
        words = {
            piece.removeprefix(WORD_START): i
            for piece, i in ids.items()
            if len(piece) == 2 and piece.startswith(WORD_START)
        }
        known = words if "A" in words else ids
        if "A" not in known or "X" not in known:
            raise BasewiseError(
                "the vocabulary is not one of proteins", found=", ".join([*ids][:8]) + ", …"
            )
        self._ids = {
            letter: known["X" if letter in read_as_x else letter] if letter in known else known["X"]
            for letter in LETTERS
        }

    def __call__(self, protein: str) -> list[int]:
        return [self._ids[letter] for letter in protein]


class WordPieces:
    """Ids of text as BERT splits it: words, then the longest pieces that are known.

    Words are lower-cased, lose their accents, and end at spaces, punctuation and ideographs.
    Devlin et al. 2019, doi:10.18653/v1/N19-1423.
    """

    def __init__(self, ids: Mapping[str, int], specials: Specials):
        self._ids, self._unknown = ids, specials.unknown

    def __call__(self, text: str) -> list[int]:
        return [piece for word in split_words(text) for piece in self._split(word)]

    def _split(self, word: str) -> list[int]:
        if len(word) > MAX_WORD:
            return [self._unknown]
        pieces, start = [], 0
        while start < len(word):
            prefix = CONTINUED if start else ""
            for end in range(len(word), start, -1):
                if (piece := prefix + word[start:end]) in self._ids:
                    pieces.append(self._ids[piece])
                    start = end
                    break
            else:
                return [self._unknown]
        return pieces


def split_words(text: str) -> list[str]:
    """Return the words of a text, lower-case, without accents; punctuation marks are words."""
    kept = "".join(_clean(letter) for letter in text)
    lower = unicodedata.normalize("NFD", kept.lower())
    bare = "".join(letter for letter in lower if unicodedata.category(letter) != "Mn")
    apart = "".join(f" {letter} " if _is_apart(letter) else letter for letter in bare)
    return re.split(r"\s+", apart.strip()) if apart.strip() else []


def _clean(letter: str) -> str:
    """The letter; a space for any white space, nothing for what cannot be seen."""
    if letter in "\t\n\r" or unicodedata.category(letter) == "Zs":
        return " "
    is_hidden = letter in "\0�" or unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cn", "Cs")
    return "" if is_hidden else letter


def _is_apart(letter: str) -> bool:
    code = ord(letter)
    is_ideograph = any(first <= code <= last for first, last in IDEOGRAPHS)
    is_punctuation = letter in ASCII_PUNCTUATION or unicodedata.category(letter).startswith("P")
    return is_ideograph or is_punctuation
