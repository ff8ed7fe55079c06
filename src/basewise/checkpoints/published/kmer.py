"""The architecture of a published k-mer model: its settings, its arrays and the zoo agree on it."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from basewise.checkpoints.published.hyperparams import read_hyperparams
from basewise.checkpoints.published.kmer_sizes import CLOSING, read_sizes, read_switches
from basewise.checkpoints.published.overrides import Overrides, read_overrides
from basewise.checkpoints.published.told import Told
from basewise.checkpoints.published.torch_settings import read_torch_settings
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.models.zoo import ZOO, PublishedModel
from basewise.models.zoo.files import PYTREE
from basewise.models.zoo.language_models import context_of
from basewise.tokenizers import TOKENIZERS

logger = logging.getLogger(__name__)

# What all models of a kind share, whatever their size.
POSITIONS = ("positional_embedding", "use_rotary_embedding")
SWITCHES = (
    *POSITIONS,
    "use_glu_in_ffn",
    "ffn_activation_name",
    "token_dropout",
)


def describe_kmer(
    model: PublishedModel,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    layout: str,
    settings: Path | None,
    overrides: Overrides,
    files: str,
) -> dict:
    """Return the architecture, ``context_bp`` and features of files that hold `shapes`.

    Args:
        layout: of the weights; JAX's come with hyperparams.json, PyTorch's with config.json or
            nothing.
        files: their names, for errors.

    Raises:
        BasewiseError: settings that are broken or contradict the arrays, sizes that nothing tells,
            or the switches of another kind of model.
    """
    zoo, tokenizer = model.architecture, TOKENIZERS[model.architecture["tokenizer"]]
    given = read_overrides(overrides, NucleotideTransformerConfig)
    told = read_sizes(shapes, zoo["trunk"]["pad_token_id"])
    values = {**zoo["trunk"], "features": list(model.features), "context_bp": None}
    if layout == PYTREE:
        said = read_hyperparams(settings, is_segmentation=bool(model.features))
        _check_k(said.pop("k_for_kmers"), tokenizer, files)
    else:
        told |= read_switches(shapes)
        values["key_size"] = None
        values |= {key: one.value for key, one in told.items() if key in values}
        said = read_torch_settings(settings) if settings else {}
    values |= said | given
    if layout != PYTREE and "key_size" not in given:
        _find_key_size(model, values, said | given, told, files)
    if model.family == "segment_nt":  # its vocabulary head serves no track
        values["lm_head"] = any(name.startswith(f"{CLOSING}lm_") for name in shapes)
    rows = told.pop("alphabet_size", None)
    _check_told(values, told, tokenizer.k, files)
    _check_switches(model, values, given, files)
    if rows:
        alphabet = {**values, "alphabet_size": tokenizer.embedding_rows}
        _check_told(alphabet, {"alphabet_size": rows}, tokenizer.k, files)
    features, context_bp = values.pop("features"), values.pop("context_bp")
    trunk = check_fields(NucleotideTransformerConfig, values, files)
    architecture = {**zoo, "trunk": asdict(trunk)}
    if model.tile_spec:
        spec = model.tile_spec.resized(context_bp=context_bp)
        architecture["features"], context_bp = features, spec.context_bp
        return {"architecture": architecture, "context_bp": context_bp, "tile_spec": spec}
    longest_bp = context_of(tokenizer.name, trunk.max_positions)
    is_bounded = trunk.positional_embedding is not None
    if context_bp is not None and (context_bp < 1 or (is_bounded and context_bp > longest_bp)):
        raise BasewiseError(
            f"context_bp must be at least 1{is_bounded * f' and at most {longest_bp}'}, as "
            f"max_positions is {trunk.max_positions}",
            found=context_bp,
        )
    return {"architecture": architecture, "context_bp": context_bp or longest_bp}


def _check_k(k: int, tokenizer, files: str) -> None:
    if k != tokenizer.k:
        raise BasewiseError(
            f"{files}: k_for_kmers is not that of the tokenizer {tokenizer.name} ({tokenizer.k})",
            found=k,
            hint="Are these the files of another model?",
        )


def _check_switches(model: PublishedModel, values: Mapping, given: Mapping, files: str) -> None:
    """Refuse what makes another published model, unless a person said so; warn of the rest."""
    expected = model.architecture["trunk"]
    others = [
        other.name
        for other in ZOO.values()
        if other.family == model.family
        and all(other.architecture["trunk"][switch] == values[switch] for switch in SWITCHES)
    ]
    for key in SWITCHES:
        if key in given or values[key] == expected[key]:
            continue
        if others or key in POSITIONS:
            raise BasewiseError(
                f"{files} are not those of {model.name}: its {key} is {expected[key]!r}",
                found=repr(values[key]),
                hint=f"That fits {', '.join(others)}." if others else None,
            )
        logger.warning(
            "%s: %s is %r where %s is known with %r; the files are believed",
            files,
            key,
            values[key],
            model.name,
            expected[key],
        )


def _find_key_size(
    model: PublishedModel, values: dict, said: Mapping, told: Mapping[str, Told], files: str
) -> None:
    """Settle the channels per head: of those and the heads, arrays tell the product only."""
    product = told.get("attention_heads * key_size")
    if product is None:
        return
    published = model.architecture["trunk"]
    is_published_size = product.value == published["attention_heads"] * published["key_size"]
    if "attention_heads" not in said and not is_published_size:
        raise BasewiseError(
            f"{files}: nothing tells the number of attention heads",
            found=f"{product.array} with {product.value} columns for all heads together",
            hint="Give a config.json beside the weights, or --config FILE with "
            '{"attention_heads": …}.',
        )
    if product.value % values["attention_heads"] == 0:
        values["key_size"] = product.value // values["attention_heads"]


def _check_told(values: Mapping, told: Mapping[str, Told], k: int, files: str) -> None:
    heads, key_size = values["attention_heads"], values["key_size"]
    expected = {
        **values,
        "attention_heads * key_size": heads * key_size if key_size else values["embed_dim"],
        "len(features) * 2 * k": 2 * k * len(values["features"]),
    }
    for key, (array, value) in told.items():
        if value != expected[key]:
            raise BasewiseError(
                f"{files}: hyperparameters and arrays contradict each other: {key} should be "
                f"{expected[key]}, but {array} makes it {value}",
                hint="They belong to different models.",
            )
