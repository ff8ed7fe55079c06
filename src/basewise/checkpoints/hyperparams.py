"""What a published hyperparams.json says of an architecture, and whether the arrays agree."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.models.nucleotide_transformer import LAYER, NAMESPACE
from basewise.models.parameters import SEGMENTATION_NAMESPACE
from basewise.tokenizers import TOKENIZERS

NUMBER, WORD = (int, float), (str, type(None))
REQUIRED = {
    "k_for_kmers": int,
    "max_positions": int,
    "embed_scale": NUMBER,
    "emb_layer_norm_before": bool,
    "attention_heads": int,
    "embed_dim": int,
    "ffn_embed_dim": int,
    "num_layers": int,
    "token_dropout": bool,
    "masking_ratio": NUMBER,
    "masking_prob": NUMBER,
}
SEGMENTATION = {"rescaling_factor": (*NUMBER, type(None)), "features": list}
OPTIONAL = {
    "add_bias_ffn": (bool, True),
    "ffn_activation_name": (str, "gelu-no-approx"),
    "use_glu_in_ffn": (bool, False),
    "add_bias_kv": (bool, False),
    "use_rotary_embedding": (bool, False),
    "positional_embedding": (WORD, "learned"),
    "key_dim": ((int, type(None)), None),
}
NOT_OF_THE_TRUNK = ("k_for_kmers", "features", "key_dim")

Shapes = Mapping[str, tuple[int, ...]]


def read_hyperparams(path: Path, *, is_segmentation: bool) -> dict:
    """Return the values that architectures are made of; what publishers leave out is filled in.

    Raises:
        BasewiseError: no JSON object (with its line), a missing key, or a value of another type.
    """
    try:
        stored = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise BasewiseError(f"{path} line {error.lineno} is not JSON", found=error.msg) from None
    if not isinstance(stored, dict):
        raise BasewiseError(f"{path} is not a JSON object", found=type(stored).__name__)
    required = REQUIRED | (SEGMENTATION if is_segmentation else {})
    missing = [key for key in required if key not in stored]
    if missing:
        raise BasewiseError(
            f"{path} lacks keys",
            found=f"no {', '.join(missing)}",
            hint="Is it the hyperparams.json of another model?",
        )
    kinds = required | {key: kind for key, (kind, _) in OPTIONAL.items()}
    defaults = {key: default for key, (_, default) in OPTIONAL.items()}
    values = {key: stored.get(key, defaults.get(key)) for key in kinds}
    for key, value in values.items():
        is_bool_for_number = isinstance(value, bool) and kinds[key] is not bool
        if is_bool_for_number or not isinstance(value, kinds[key]):
            raise BasewiseError(f"{path}: {key} has a wrong type", found=repr(value))
    return values


def to_architecture(values: Mapping, published: Mapping) -> dict:
    """Return the published architecture with the values of one hyperparams.json."""
    trunk = {key: value for key, value in values.items() if key not in NOT_OF_THE_TRUNK}
    architecture = {
        **published,
        "trunk": {**published["trunk"], **trunk, "key_size": values["key_dim"]},
    }
    if "features" in values:
        architecture["features"] = values["features"]
    return architecture


def check_sizes(architecture: Mapping, values: Mapping, shapes: Shapes, files: str) -> None:
    """Compare what the hyperparameters say with the shapes of the arrays.

    Raises:
        BasewiseError: they contradict each other; names the key, the array and both values.
    """
    tokenizer = TOKENIZERS[architecture["tokenizer"]]
    if values["k_for_kmers"] != tokenizer.k:
        raise BasewiseError(
            f"{files}: k_for_kmers is not that of the tokenizer {architecture['tokenizer']} "
            f"({tokenizer.k})",
            found=values["k_for_kmers"],
            hint="Are these the files of another model?",
        )
    trunk = architecture["trunk"]
    expected = {
        **{key: trunk[key] for key in ("embed_dim", "num_layers", "ffn_embed_dim")},
        "alphabet_size": tokenizer.embedding_rows,
        "max_positions": trunk["max_positions"],
        "attention_heads * key_dim": trunk["attention_heads"] * trunk["key_size"]
        if trunk["key_size"]
        else trunk["embed_dim"],
        "add_bias_ffn": trunk["add_bias_ffn"],
        "use_glu_in_ffn": trunk["use_glu_in_ffn"],
        "len(features) * 2 * k_for_kmers": 2 * tokenizer.k * len(architecture.get("features", ())),
    }
    for key, array, value in _sizes_of(shapes, trunk["pad_token_id"]):
        if value != expected[key]:
            raise BasewiseError(
                f"{files}: hyperparameters and arrays contradict each other: {key} should be "
                f"{expected[key]}, but {array} makes it {value}",
                hint="The two files belong to different models.",
            )


def _sizes_of(shapes: Shapes, pad_token_id: int) -> Iterator[tuple[str, str, int | bool]]:
    """Yield (key, array, value) for each hyperparameter that the shape of an array tells."""
    first = f"{NAMESPACE}/{LAYER}_0/~/"
    places = {
        "embed_dim": (f"{NAMESPACE}/~/embed|embeddings", 1),
        "alphabet_size": (f"{NAMESPACE}/~/embed|embeddings", 0),
        "max_positions": (f"{NAMESPACE}/~/esm_learned_positional_embeddings/~/embed|embeddings", 0),
        "ffn_embed_dim": (f"{first}fc2|w", 0),
        "attention_heads * key_dim": (f"{first}self_attention/query|w", 1),
        "len(features) * 2 * k_for_kmers": (f"{SEGMENTATION_NAMESPACE}/~/fc|b", 0),
    }
    for key, (array, axis) in places.items():
        if len(shapes.get(array, ())) > axis:
            rows_before = pad_token_id + 1 if key == "max_positions" else 0
            yield key, array, shapes[array][axis] - rows_before
    layers = {match[1] for name in shapes if (match := re.search(rf"/{LAYER}_(\d+)/", name))}
    if layers:
        yield "num_layers", f"the number of {LAYER}_*", len(layers)
    widths = [shapes.get(f"{first}{name}", ()) for name in ("fc1|w", "fc2|w")]
    if all(len(width) == 2 for width in widths):
        yield "use_glu_in_ffn", f"{first}fc1|w", widths[0][1] == 2 * widths[1][0]
        yield "add_bias_ffn", f"{first}fc1|b", f"{first}fc1|b" in shapes
