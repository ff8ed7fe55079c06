"""What the description of a DNA trunk says of it before it is built. No JAX here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from basewise.errors import BasewiseError, nearest
from basewise.fields import check_fields, check_types
from basewise.models.one_hot_config import (
    NO_CROP,
    BorzoiConfig,
    EnformerConfig,
    cropped_length,
)
from basewise.models.trunk_config import NucleotideTransformerConfig

Sizes = EnformerConfig | BorzoiConfig | NucleotideTransformerConfig

FAMILIES: dict[str, type[Sizes]] = {
    "enformer": EnformerConfig,
    "segment_enformer": EnformerConfig,
    "borzoi": BorzoiConfig,
    "segment_borzoi": BorzoiConfig,
    "nucleotide_transformer": NucleotideTransformerConfig,
    "segment_nt": NucleotideTransformerConfig,
}
CLS_TOKENS = 1
WHERE = "architecture/trunk"
LEAST = {"target_length": NO_CROP} | dict.fromkeys(
    ("num_unet_conv", "pad_token_id", "mask_token_id", "token_types"), 0
)  # of sizes; 1 for the others


@dataclass(frozen=True)
class TrunkShape:
    """The shape of a trunk.

    Attributes:
        sizes: the fields of its architecture.
        n_blocks: of its transformer, that have parameters of their own.
        bp_per_bin: bp of each bin of the embedding.
        n_bins: bp of a window -> bins of its centre that are embedded. Raises BasewiseError for
            lengths the trunk does not read.
    """

    sizes: Sizes
    n_blocks: int
    bp_per_bin: int
    n_bins: Callable[[int], int]


def read_shape(described: Mapping) -> TrunkShape:
    """Return the shape of ``{"family", "architecture"}``, as a checkpoint's config.json has them.

    Raises:
        BasewiseError: an unknown family, tokenizer or field, or sizes that cannot be, named.
    """
    family = described.get("family")
    if family not in FAMILIES:
        raise BasewiseError(
            "unknown family of a DNA trunk", found=repr(family), hint=nearest(family, FAMILIES)
        )
    architecture = described.get("architecture", {})
    if not isinstance(architecture.get("trunk"), Mapping):
        raise BasewiseError(f"missing key trunk/{WHERE}", hint="It maps sizes to numbers.")
    values = dict(architecture["trunk"])
    _check_sizes(FAMILIES[family], values)
    sizes = check_fields(FAMILIES[family], values, WHERE)
    if isinstance(sizes, EnformerConfig):
        return _shape_enformer(sizes)
    if isinstance(sizes, BorzoiConfig):
        return _shape_borzoi(sizes)
    return _shape_transformer(sizes, architecture.get("tokenizer"))


def _check_sizes(kind: type[Sizes], values: Mapping) -> None:
    check_types(kind, values, WHERE)
    for field in fields(kind):
        value, least = values.get(field.name), LEAST.get(field.name, 1)
        if field.type in (int, int | None) and value is not None and value < least:
            raise BasewiseError(f"{WHERE}/{field.name} must be at least {least}", found=value)


def _shape_enformer(sizes: EnformerConfig) -> TrunkShape:
    def n_bins(context_bp: int) -> int:
        length = _whole_bins(context_bp, sizes.bp_per_bin)
        return cropped_length(length, sizes.target_length) if sizes.final_pointwise else length

    return TrunkShape(sizes, sizes.num_transformer_layers, sizes.bp_per_bin, n_bins)


def _shape_borzoi(sizes: BorzoiConfig) -> TrunkShape:
    def n_bins(context_bp: int) -> int:
        length = _whole_bins(context_bp, sizes.bp_per_bin) * 2**sizes.num_unet_conv
        return cropped_length(length, sizes.target_length)

    return TrunkShape(sizes, sizes.num_transformer_layers, sizes.bp_per_target_bin, n_bins)


def _shape_transformer(sizes: NucleotideTransformerConfig, tokenizer: str | None) -> TrunkShape:
    from basewise.tokenizers import TOKENIZERS  # slow to import, and few need it

    if tokenizer not in TOKENIZERS:
        raise BasewiseError(
            "unknown architecture/tokenizer of a DNA trunk",
            found=repr(tokenizer),
            hint=nearest(tokenizer, TOKENIZERS),
        )
    k = TOKENIZERS[tokenizer].k

    def n_bins(context_bp: int) -> int:
        n_tokens = _whole_bins(context_bp, k)
        most = sizes.max_positions - CLS_TOKENS
        if sizes.positional_embedding == "learned" and n_tokens > most:
            raise BasewiseError(f"this trunk reads at most {most * k} bp", found=f"{context_bp} bp")
        return n_tokens

    return TrunkShape(sizes, sizes.stored_layers, k, n_bins)


def _whole_bins(context_bp: int, bp_per_bin: int) -> int:
    n_bins, rest = divmod(context_bp, bp_per_bin)
    if rest or not n_bins:
        raise BasewiseError(
            f"this trunk reads whole bins of {bp_per_bin} bp", found=f"{context_bp} bp"
        )
    return n_bins
