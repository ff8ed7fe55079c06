"""Encoders that need no weights: honest baselines, and all that is needed without a network.

They are functions of the text alone: equal on every machine, today and tomorrow.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from basewise.encoders.contexts import ContextTable
from basewise.encoders.encoder import PROTEIN, TEXT, Encoder, fingerprint_of
from basewise.encoders.scales import N_SCALES, residue_table
from basewise.errors import BasewiseError

VERSION = 1  # raised whenever any of them gives other numbers
WINDOW_NEIGHBOURS = 7
NGRAM_DIM, NGRAM_LENGTHS, NGRAM_SEED = 256, (1, 2, 3, 4), 1
START, END = "\x02", "\x03"  # so that the beginning of a word differs from its middle


def build_physchem(name: str = "physchem", *, neighbours: int = 0) -> Encoder:
    """Return an encoder of residues: one-hot, and what the residue is like (`scales`).

    Args:
        neighbours: residues on each side whose properties are given too, beside each other;
            beyond the ends they are 0. Tokens are otherwise blind to each other.
    """
    if neighbours < 0:
        raise BasewiseError("neighbours must be at least 0", found=neighbours)
    table = residue_table()
    scales = table[:, -N_SCALES:]

    def encode_each(chains: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        for place, chain in enumerate(chains):
            codes = np.frombuffer(chain.encode("ascii"), np.uint8)
            own = table[codes]
            around = np.pad(scales[codes], ((neighbours, neighbours), (0, 0)))
            sides = [
                around[neighbours + offset : neighbours + offset + len(codes)]
                for offset in range(-neighbours, neighbours + 1)
                if offset
            ]
            yield place, np.concatenate([own, *sides], axis=1)

    return Encoder(
        name=name,
        kind=PROTEIN,
        dim=table.shape[1] + 2 * neighbours * N_SCALES,
        max_length=None,
        fingerprint=fingerprint_of("physchem", VERSION, table[:, -N_SCALES:].round(5).tolist()),
        encode_each=encode_each,
        settings={"neighbours": neighbours},
    )


def build_ngrams(*, dim: int = NGRAM_DIM, seed: int = NGRAM_SEED) -> Encoder:
    """Return an encoder of text: its character n-grams, hashed into signed counts of length 1.

    Texts of alike spelling have alike vectors, and a text that was never seen has one too.
    Case is ignored. The hash is BLAKE2b, the same everywhere.
    """
    if dim < 1:
        raise BasewiseError("dim must be at least 1", found=dim)
    salt = seed.to_bytes(8, "little")

    def encode_one(text: str) -> np.ndarray:
        vector = np.zeros(dim, np.float64)
        for gram in _ngrams(text):
            digest = hashlib.blake2b(gram.encode(), digest_size=8, key=salt).digest()
            number = int.from_bytes(digest, "little")
            vector[(number >> 1) % dim] += 1 if number & 1 else -1
        norm = np.linalg.norm(vector)
        return (vector / norm if norm else vector).astype(np.float32)

    return Encoder(
        name="ngrams",
        kind=TEXT,
        dim=dim,
        max_length=None,
        fingerprint=fingerprint_of("ngrams", VERSION, NGRAM_LENGTHS),
        encode_each=lambda texts: ((place, encode_one(text)) for place, text in enumerate(texts)),
        settings={"dim": dim, "seed": seed},
    )


def build_table(*, names: Sequence[str] = ()) -> Encoder:
    """Return an encoder of known texts: one-hot by place in a sorted table of ``names``.

    A linear layer on a one-hot vector is a learned table: the layer's rows are the model's
    parameters, one per text.
    """
    table = ContextTable.of(names)

    def encode_each(texts: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        return enumerate(np.eye(len(table.names), dtype=np.float32)[table.ids(texts)])

    return Encoder(
        name="table",
        kind=TEXT,
        dim=len(table.names),
        max_length=None,
        fingerprint=fingerprint_of("table", VERSION, table.names),
        encode_each=encode_each,
    )


def _ngrams(text: str) -> Iterator[str]:
    marked = f"{START}{' '.join(text.lower().split())}{END}"
    for length in NGRAM_LENGTHS:
        for first in range(len(marked) - length + 1):
            yield marked[first : first + length]
