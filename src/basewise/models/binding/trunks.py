"""The DNA trunks an adapter can stand on: any transformer of the zoo, seen as bases to bins.

A checkpoint of the same family gives its ``edges`` and ``layers``; its head is left out.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.models.binding.calibration import calibrate_convolutions
from basewise.models.binding.trunk_shapes import CLS_TOKENS, TrunkShape, read_shape
from basewise.models.borzoi import Borzoi
from basewise.models.enformer import Enformer
from basewise.models.nucleotide_transformer import build_trunk
from basewise.tiling import fill_ambiguous
from basewise.tokenizers import TOKENIZERS, one_hot_codes

STARTS = DRAWN, CALIBRATED = "drawn", "calibrated"
CALIBRATION_BP = 16_384  # in all; a single sequence may be longer
LONGEST_BP = 2**22  # that is tried


@dataclass(frozen=True)
class DnaTrunk:
    """Bases in, an embedding of bins out. Shapes: B windows, n bins, E channels.

    Attributes:
        embed_dim: E.
        bp_per_bin: bp of each bin.
        alphabet: "kmer" or "onehot", as in TileSpec; k: letters per k-mer.
        n_bins: bp of a window -> bins of its centre that are embedded. Raises BasewiseError for
            lengths the trunk does not read.
        init: rng -> parameters ``{"edges", "layers"}``, float32.
        encode: uint8 upper-case ASCII bases (B, context) -> model input (host, NumPy). A k-mer
            trunk reads N as filled, a one-hot trunk as zeros.
        embed: (params, input) -> float32 (B, n, E).
    """

    family: str
    embed_dim: int
    bp_per_bin: int
    n_bins: Callable[[int], int]
    init: Callable[[jax.Array], dict]
    encode: Callable[[np.ndarray], np.ndarray]
    embed: Callable[[dict, jax.Array], jax.Array]
    alphabet: str = "onehot"
    k: int = 1


def build_dna_trunk(config: dict, dtype=jnp.float32, *, rematerialise: bool = False) -> DnaTrunk:
    """Return the trunk of ``{"family", "architecture"}``, as a checkpoint's config.json has them.

    Args:
        config: ``start``, if given, is one of `STARTS`, the first values of a one-hot trunk:
            "drawn" as its authors drew them, or "calibrated" (`calibrate_convolutions`), which
            learns sooner and more surely. ``family`` is one of `TRUNKS`; ``architecture`` has
            ``trunk``, the fields of EnformerConfig, BorzoiConfig or NucleotideTransformerConfig,
            and the ``tokenizer`` of a transformer over k-mers. Whatever a head needs is passed
            over. An Enformer gives the wider embedding behind its transformer where
            ``final_pointwise`` is on.
        dtype: compute dtype of matrix products.
        rematerialise: compute each block of the transformer again in the backward pass instead
            of keeping what it held.

    Raises:
        BasewiseError: an unknown family, tokenizer or field, named.
    """
    shape = read_shape(config)
    start = config.get("start", DRAWN)
    if start not in STARTS:
        raise BasewiseError(
            "unknown start of a DNA trunk", found=repr(start), hint=nearest(start, STARTS)
        )
    family = config["family"]
    trunk = TRUNKS[family](config["architecture"], shape, dtype, rematerialise)
    if start == CALIBRATED:
        trunk = dataclasses.replace(trunk, init=partial(start_calibrated, trunk))
    return dataclasses.replace(trunk, family=family)


def _build_enformer(_: dict, shape: TrunkShape, dtype, rematerialise: bool) -> DnaTrunk:
    config = shape.sizes
    trunk = Enformer(config, dtype, rematerialise)

    def embed(params, codes):
        x = trunk.embed(params, codes)
        return trunk.finish(params, x) if config.final_pointwise else x

    return DnaTrunk(
        family="",
        embed_dim=2 * config.embed_dim if config.final_pointwise else config.embed_dim,
        bp_per_bin=shape.bp_per_bin,
        n_bins=shape.n_bins,
        init=lambda rng: start_afresh(trunk.init(rng)),
        encode=one_hot_codes,
        embed=embed,
    )


def _build_borzoi(_: dict, shape: TrunkShape, dtype, rematerialise: bool) -> DnaTrunk:
    trunk = Borzoi(shape.sizes, dtype, rematerialise)
    return DnaTrunk(
        family="",
        embed_dim=trunk.embed_dim,
        bp_per_bin=shape.bp_per_bin,
        n_bins=shape.n_bins,
        init=lambda rng: start_afresh(trunk.init(rng)),
        encode=one_hot_codes,
        embed=trunk.embed,
    )


def _build_nucleotide_transformer(
    architecture: dict, shape: TrunkShape, dtype, rematerialise: bool
) -> DnaTrunk:
    trunk = build_trunk(architecture, dtype, rematerialise=rematerialise)
    tokenizer = TOKENIZERS[architecture["tokenizer"]]
    return DnaTrunk(
        family="",
        embed_dim=trunk.config.embed_dim,
        bp_per_bin=shape.bp_per_bin,
        n_bins=shape.n_bins,
        init=trunk.init,
        encode=lambda bases: tokenizer.tokenize_batch(fill_ambiguous(bases)),
        embed=lambda params, tokens: trunk.embed(params, tokens, is_padded=False)[:, CLS_TOKENS:],
        alphabet="kmer",
        k=tokenizer.k,
    )


TRUNKS: dict[str, Callable[[dict, TrunkShape, type, bool], DnaTrunk]] = {
    "enformer": _build_enformer,
    "segment_enformer": _build_enformer,
    "borzoi": _build_borzoi,
    "segment_borzoi": _build_borzoi,
    "nucleotide_transformer": _build_nucleotide_transformer,
    "segment_nt": _build_nucleotide_transformer,
}


def start_afresh(params: dict) -> dict:
    """Return one-hot trunk parameters with the published first values where those matter.

    Attention pooling begins with logits of twice the input, and each attention adds nothing.
    """

    def start(module: str, name: str, leaf: jax.Array) -> jax.Array:
        if "/attention_pool/" in module and name == "w":
            return jnp.broadcast_to(2.0 * jnp.eye(leaf.shape[-1]), leaf.shape)
        return jnp.zeros_like(leaf) if module.endswith("/attn_o") else leaf

    return {
        part: {
            module: {name: start(module, name, leaf) for name, leaf in leaves.items()}
            for module, leaves in modules.items()
        }
        for part, modules in params.items()
    }


def start_calibrated(trunk: DnaTrunk, rng: jax.Array) -> dict:
    """Return parameters of a trunk as it draws them, calibrated on random bases."""
    length = 8 * trunk.bp_per_bin
    while not _reads(trunk, length):
        length *= 2
    shape = (max(1, CALIBRATION_BP // length), length)
    bases = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, shape)]
    return calibrate_convolutions(trunk.init(rng), trunk.embed, trunk.encode(bases))


def _reads(trunk: DnaTrunk, length_bp: int) -> bool:
    try:
        return trunk.n_bins(length_bp) > 0
    except BasewiseError:
        return length_bp > LONGEST_BP
