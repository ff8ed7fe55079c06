"""The architecture of a published encoder: the zoo, its config.json and its vocabulary agree."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from basewise.checkpoints.published.overrides import (
    Overrides,
    check_kind,
    read_object,
    read_overrides,
)
from basewise.checkpoints.published.vocabulary import read_vocabulary
from basewise.checkpoints.snapshot import Found
from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.models.zoo import PublishedEncoder
from basewise.models.zoo.encoders import ESM_VOCABULARY

KEYS = {
    "vocab_size": ("alphabet_size", int),
    "hidden_size": ("embed_dim", int),
    "num_hidden_layers": ("num_layers", int),
    "num_attention_heads": ("attention_heads", int),
    "intermediate_size": ("ffn_embed_dim", int),
    "max_position_embeddings": ("max_positions", int),
    "layer_norm_eps": ("layer_norm_eps", float),
    "token_dropout": ("token_dropout", bool),
    "emb_layer_norm_before": ("emb_layer_norm_before", bool | None),
    "type_vocab_size": ("token_types", int),
    "embedding_size": ("factorised_dim", int),
}
# keys that not every family has: elsewhere they say nothing of the model
OWN_KEYS = {
    "token_dropout": ("esm",),
    "emb_layer_norm_before": ("esm",),
    "type_vocab_size": ("bert", "albert"),
    "embedding_size": ("albert",),
}
ONE = ("num_hidden_groups", "inner_group_num")  # of ALBERT's, whose layers are one
ACTIVATIONS = {"gelu": "gelu-no-approx", "gelu_new": "gelu", "gelu_pytorch_tanh": "gelu"}
ACTIVATIONS |= {"relu": "relu", "silu": "silu", "swish": "swish"}
ESM_POSITIONS = {"absolute": (False, "learned"), "rotary": (True, None)}
ROWS_BEFORE = 2  # of ESM's table of positions: pads and one unused


def describe_encoder(model: PublishedEncoder, found: Found, overrides: Overrides) -> dict:
    """Return the config.json of an encoder in the sizes that its files have.

    Args:
        overrides: fields of the trunk that differ from the published ones and from config.json.

    Raises:
        BasewiseError: settings that are broken or of another kind of model, no vocabulary, or one
            that lacks a special token or has another length than the embedding.
    """
    config = model.to_config()
    architecture = config["architecture"]
    said = _read_settings(found.settings, model.family) if found.settings else {}
    given = read_overrides(overrides, NucleotideTransformerConfig)
    trunk = check_fields(
        NucleotideTransformerConfig, architecture["trunk"] | said | given, str(found)
    )
    vocabulary = _find_vocabulary(model, found)
    if len(vocabulary) > trunk.alphabet_size:
        raise BasewiseError(
            f"{found}: the vocabulary has more tokens than the embedding has rows",
            found=f"{len(vocabulary)} tokens, {trunk.alphabet_size} rows",
            hint="It is another model's.",
        )
    for role, token in architecture["specials"].items():
        if token not in vocabulary:
            raise BasewiseError(
                f"{found}: the vocabulary has no {token}, the {role} token of {model.name}",
                found=", ".join(vocabulary[:6]) + ", …",
                hint="It is another model's.",
            )
    pad = vocabulary.index(architecture["specials"]["pad"])
    architecture["trunk"] = asdict(trunk) | {"pad_token_id": pad}
    architecture["vocabulary"] = "\n".join(vocabulary)
    return config


def _find_vocabulary(model: PublishedEncoder, found: Found) -> list[str]:
    for _, path in found.others:
        return read_vocabulary(path)
    if model.family == "esm":  # which is the same in all of them
        return list(ESM_VOCABULARY)
    names = [file.path for file in found.files.others]
    raise BasewiseError(
        f"the vocabulary of {model.name} is missing",
        found=f"no {', '.join(names)} beside {found.weights[0]}",
        hint=f"Get {names[0]} from {model.source}.",
    )


def _read_settings(path: Path, family: str) -> dict:
    """Return the fields of the trunk that a config.json of transformers says."""
    stored = read_object(path)
    kind = stored.get("model_type")
    if kind not in (None, family):
        raise BasewiseError(
            f"{path} is of another kind of model than {family}", found=f"model_type {kind}"
        )
    values = {}
    for key, (ours, type_) in KEYS.items():
        if key in stored and family in OWN_KEYS.get(key, (family,)):
            check_kind(stored[key], type_, f"{path}: {key}")
            values[ours] = stored[key]
    for key in ONE if family == "albert" else ():
        if stored.get(key, 1) != 1:
            raise BasewiseError(
                f"{path}: only models whose layers are all one are read",
                found=f"{key} {stored[key]}",
            )
    if family == "esm":
        values |= _read_esm(stored, path, values)
    elif "hidden_act" in stored:
        values["ffn_activation_name"] = _look_up(stored, "hidden_act", ACTIVATIONS, path)
    return values


def _read_esm(stored: Mapping, path: Path, values: Mapping) -> dict:
    read = {}
    if "max_positions" in values:
        read["max_positions"] = values["max_positions"] - ROWS_BEFORE
    if values.get("emb_layer_norm_before", False) is None:
        read["emb_layer_norm_before"] = False
    if stored.get("position_embedding_type") is not None:
        rotary, learned = _look_up(stored, "position_embedding_type", ESM_POSITIONS, path)
        read |= {"use_rotary_embedding": rotary, "positional_embedding": learned}
    return read


def _look_up(stored: Mapping, key: str, known: Mapping, path: Path):
    if stored[key] not in known:
        raise BasewiseError(
            f"{path}: unknown {key}",
            found=repr(stored[key]),
            hint=f"Known: {', '.join(known)}.",
        )
    return known[stored[key]]
