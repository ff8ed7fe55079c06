"""What a published hyperparams.json says of a k-mer model."""

from pathlib import Path

from basewise.checkpoints.published.overrides import check_kind, read_object
from basewise.errors import BasewiseError

REQUIRED = {
    "k_for_kmers": int,
    "max_positions": int,
    "embed_scale": float,
    "emb_layer_norm_before": bool,
    "attention_heads": int,
    "embed_dim": int,
    "ffn_embed_dim": int,
    "num_layers": int,
    "token_dropout": bool,
    "masking_ratio": float,
    "masking_prob": float,
}
SEGMENTATION = {"rescaling_factor": float | None, "features": list}
OPTIONAL = {
    "add_bias_ffn": (bool, True),
    "ffn_activation_name": (str, "gelu-no-approx"),
    "use_glu_in_ffn": (bool, False),
    "add_bias_kv": (bool, False),
    "use_rotary_embedding": (bool, False),
    "positional_embedding": (str | None, "learned"),
    "key_dim": (int | None, None),
}


def read_hyperparams(path: Path, *, is_segmentation: bool) -> dict:
    """Return the values a model is made of, ``key_dim`` as ``key_size``; defaults are filled in.

    Raises:
        BasewiseError: no JSON object (with its line), a missing key, or a value of another type.
    """
    stored = read_object(path)
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
        check_kind(value, kinds[key], f"{path}: {key}")
    return {("key_size" if key == "key_dim" else key): value for key, value in values.items()}
