"""The vocabularies that published encoders come with: which token each id stands for.

Three files are understood: ``vocab.txt`` (a token per line), ``tokenizer.json`` (of the tokenizers
library) and ``spiece.model`` (of SentencePiece).
"""

from collections.abc import Iterator
from pathlib import Path

from basewise.checkpoints.published.overrides import read_object
from basewise.errors import BasewiseError

PIECE, TEXT = 1, 1  # numbers of fields: a piece of the model, the text of a piece
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
FIXED = {FIXED64: 8, FIXED32: 4}
MAX_BYTES = 64 << 20


def read_vocabulary(path: Path) -> list[str]:
    """Return the tokens of a file; a token's place is its id.

    Raises:
        BasewiseError: no such file, another format, no token, or one that is there twice.
    """
    if not path.is_file():
        raise BasewiseError(f"{path} does not exist")
    if path.stat().st_size > MAX_BYTES:
        raise BasewiseError(f"{path} is no vocabulary", found="a file far too large")
    readers = {".json": _read_json, ".model": _read_pieces}
    tokens = readers.get(path.suffix, _read_lines)(path)
    if not tokens:
        raise BasewiseError(f"{path} holds no token")
    if len(set(tokens)) < len(tokens):
        twice = next(token for token in tokens if tokens.count(token) > 1)
        raise BasewiseError(f"{path} holds a token twice", found=repr(twice))
    for token in tokens:
        if not token or "\n" in token:
            raise BasewiseError(f"{path} holds a token that is no text", found=repr(token))
    return tokens


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise BasewiseError(f"{path} is not text", found=error) from None


def _read_json(path: Path) -> list[str]:
    """The vocabulary is a list of [token, score] or a mapping to ids; added tokens go on top."""
    stored = read_object(path)
    model = stored.get("model")
    held = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(held, list):
        ids = {
            entry[0] if isinstance(entry, list) and entry else None: i
            for i, entry in enumerate(held)
        }
    else:
        ids = dict(held) if isinstance(held, dict) else {}
    for added in stored.get("added_tokens") or ():
        if isinstance(added, dict):
            ids[added.get("content")] = added.get("id")
    by_id = {i: token for token, i in ids.items()}
    if not by_id or sorted(map(str, by_id)) != sorted(map(str, range(len(by_id)))):
        raise BasewiseError(f"{path} numbers its tokens with gaps, or holds none")
    if not all(isinstance(token, str) for token in ids):
        raise BasewiseError(f"{path} holds a token that is no text")
    return [by_id[i] for i in range(len(by_id))]


def _read_pieces(path: Path) -> list[str]:
    """The pieces of a SentencePiece model, which is a protocol buffer."""
    try:
        return [
            next(text for number, text in _fields(piece) if number == TEXT).decode()
            for number, piece in _fields(path.read_bytes())
            if number == PIECE
        ]
    except (IndexError, StopIteration, RuntimeError, UnicodeDecodeError, AttributeError):
        raise BasewiseError(f"{path} is not a SentencePiece model, or is damaged") from None


def _fields(message: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Yield (number, bytes) of a message's fields; None for numbers, which are passed over."""
    place = 0
    while place < len(message):
        tag, place = _read_varint(message, place)
        kind = tag & 7
        if kind == VARINT:
            _, place = _read_varint(message, place)
            yield tag >> 3, None
            continue
        if kind == BYTES:
            length, place = _read_varint(message, place)
        else:
            length = FIXED.get(kind, len(message) + 1)
        if place + length > len(message):
            raise IndexError
        yield tag >> 3, message[place : place + length] if kind == BYTES else None
        place += length


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
