"""Encoders that were trained: a transformer checkpoint of proteins or of text.

Shapes: B texts of a batch, L padded tokens, D embedding.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from basewise.checkpoints.config import hash_checkpoint, is_encoder, read_config
from basewise.checkpoints.store import load_parameters
from basewise.encoders.encoder import PROTEIN, TEXT, Encoder, fingerprint_of
from basewise.encoders.tokens import ResidueIds, Specials, WordPieces, cut
from basewise.errors import BasewiseError, nearest
from basewise.inference.devices import select_devices
from basewise.inference.precision import PRECISIONS, check_precision
from basewise.models.language_model import round_up
from basewise.models.nucleotide_transformer import Trunk, build_trunk
from basewise.models.picks import check_picks

POOLINGS = ("cls", "mean")
BATCH_SIZE = 8


@dataclass(frozen=True)
class _Reader:
    """What one encoder makes of a text: ids in, which of their vectors count out."""

    split: ResidueIds | WordPieces
    specials: Specials
    max_tokens: int
    cuts_end: bool
    keeps_specials: bool

    def ids(self, text: str) -> list[int]:
        return cut(self.split(text), self.specials, self.max_tokens, cuts_end=self.cuts_end)

    def kept(self, ids: Sequence[int]) -> slice:
        """Which tokens' vectors are given."""
        if self.keeps_specials:
            return slice(0, len(ids))
        return slice(1, len(ids) - (ids[-1] == self.specials.end))

    @property
    def max_length(self) -> int:
        """Residues, or tokens of text with the special ones, that are read at most."""
        if isinstance(self.split, WordPieces):
            return self.max_tokens
        return self.max_tokens - (1 if self.cuts_end else 2)


def load_encoder(
    checkpoint: str | PathLike,
    *,
    pooling: str = "cls",
    layer: int | None = None,
    max_tokens: int | None = None,
    precision: str = "float32",
    batch_size: int = BATCH_SIZE,
    platform: str = "auto",
    threads: int | None = None,
    promised_devices: int | None = None,
) -> Encoder:
    """Return the encoder of a checkpoint directory; its parameters are read at its first use.

    Args:
        pooling: of text, the start token's vector ("cls") or the mean over all tokens with the
            special ones ("mean"); proteins are never pooled.
        layer: 1-based, whose output is given; None for the last, after the norm that closes it.
        max_tokens: of one chain or text, special ones counted; None as the encoder was published.
        precision: of matrix products, float32 or bfloat16.
        batch_size: chains or texts per step; changes speed only.
        platform, threads, promised_devices: see ``select_devices``. It computes with one device.

    Raises:
        BasewiseError: no checkpoint, one of another kind, a setting it cannot have, or a damaged
            vocabulary.
    """
    config = read_config(checkpoint)
    if not is_encoder(config):
        raise BasewiseError(
            f"{checkpoint} is not an encoder of proteins or text",
            found=f"{config['name']}, a {config['family']}",
            hint="basewise models --encoders lists those that are published.",
        )
    architecture = config["architecture"]
    kind, name = architecture["kind"], config["name"]
    check_precision(precision)
    if pooling not in POOLINGS:
        raise BasewiseError("unknown pooling", found=repr(pooling), hint=nearest(pooling, POOLINGS))
    trunk = build_trunk(architecture, PRECISIONS[precision])
    sizes = trunk.config
    layer = sizes.num_layers if layer is None else layer
    check_picks((layer,), (), n_layers=sizes.num_layers, n_heads=sizes.attention_heads)
    reader = _make_reader(architecture, trunk, max_tokens, name)
    pool = pooling if kind == TEXT else "none"
    find_devices = functools.partial(
        select_devices, platform, threads=threads, promised=promised_devices
    )
    run = _Run(Path(checkpoint), trunk, reader, layer, pool, precision, batch_size, find_devices)
    return Encoder(
        name=name,
        kind=kind,
        dim=sizes.embed_dim,
        max_length=reader.max_length,
        fingerprint=fingerprint_of(
            config.get("params_sha256") or hash_checkpoint(checkpoint), architecture
        ),
        encode_each=run,
        settings={"layer": layer, "pooling": pool, "precision": precision},
    )


def _make_reader(architecture: dict, trunk: Trunk, max_tokens: int | None, name: str) -> _Reader:
    published = architecture["max_tokens"]
    max_tokens = published if max_tokens is None else max_tokens
    has_table = trunk.config.positional_embedding is not None
    longest = trunk.config.max_positions if has_table else None
    if max_tokens < 3 or (longest is not None and max_tokens > longest):
        raise BasewiseError(
            f"{name} cannot read so many tokens at once",
            found=f"max_tokens {max_tokens}",
            hint="It is at least 3" + (f" and at most {longest}." if longest else "."),
        )
    ids = {token: i for i, token in enumerate(architecture["vocabulary"].split("\n"))}
    specials = Specials.of(ids, architecture["specials"])
    if architecture["kind"] == PROTEIN:
        split = ResidueIds(ids, read_as_x=architecture["read_as_x"])
    else:
        split = WordPieces(ids, specials)
    return _Reader(
        split=split,
        specials=specials,
        max_tokens=max_tokens,
        cuts_end=architecture["cuts_end"],
        keeps_specials=architecture["keeps_specials"],
    )


@dataclass(frozen=True)
class _Run:
    """Encodes texts in batches of alike lengths, the longest first."""

    checkpoint: Path
    trunk: Trunk
    reader: _Reader
    layer: int
    pooling: str
    precision: str
    batch_size: int
    find_devices: Callable[[], list[jax.Device]]

    def __call__(self, texts: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        rows = [self.reader.ids(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        for first in range(0, len(order), self.batch_size):
            places = order[first : first + self.batch_size]
            tokens = self._pad([rows[place] for place in places])
            with jax.default_matmul_precision(
                "highest" if self.precision == "float32" else "default"
            ):
                vectors = np.asarray(self._embed(self._params, tokens))
            for row, place in enumerate(places):
                ids = rows[place]
                if self.pooling == "none":
                    yield place, vectors[row, self.reader.kept(ids)].copy()
                else:
                    yield place, vectors[row].copy()

    def _pad(self, rows: list[list[int]]) -> np.ndarray:
        """Return int32 (batch_size, L): few different shapes; missing rows repeat the last."""
        length = min(round_up(len(rows[0])), max(self.reader.max_tokens, len(rows[0])))
        tokens = np.full((self.batch_size, length), self.reader.specials.pad, np.int32)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)] = ids
        tokens[len(rows) :] = tokens[len(rows) - 1]
        return tokens

    @functools.cached_property
    def _params(self) -> dict:
        device = self.find_devices()[0]  # before JAX is used
        return jax.device_put(load_parameters(self.checkpoint), device)

    @functools.cached_property
    def _embed(self):
        def embed(params, tokens):
            vectors = self.trunk.embed(params, tokens, n_layers=self.layer)
            if self.pooling == "cls":
                return vectors[:, 0]
            if self.pooling == "mean":
                is_token = (tokens != self.reader.specials.pad)[..., None]
                return jnp.where(is_token, vectors, 0).sum(axis=1) / is_token.sum(axis=1)
            return vectors

        return jax.jit(embed)
