"""What the config.json beside PyTorch weights says of a k-mer model, in Hugging Face's words."""

import logging
from pathlib import Path

from basewise.checkpoints.published.overrides import check_kind, read_object
from basewise.errors import BasewiseError
from basewise.models.trunk_config import NucleotideTransformerConfig

logger = logging.getLogger(__name__)

KEYS = {
    "hidden_size": ("embed_dim", int),
    "num_hidden_layers": ("num_layers", int),
    "num_attention_heads": ("attention_heads", int),
    "intermediate_size": ("ffn_embed_dim", int),
    "token_dropout": ("token_dropout", bool),
    "rescaling_factor": ("rescaling_factor", float | None),
    "features": ("features", list),
}
POSITIONS = {"absolute": (False, "learned"), "rotary": (True, None)}
NORM_EPS = NucleotideTransformerConfig.layer_norm_eps
ROWS_BEFORE = 2  # of the table of positions: pads and one unused


def read_torch_settings(path: Path) -> dict:
    """Return the fields that are said; what this version does not need is left unread.

    ``layer_norm_eps`` is not taken: weights are published for JAX too, which computes with 1e-5
    whatever this file says, and one model should give one answer. Another value is warned of.

    Raises:
        BasewiseError: no JSON object (with its line), or a value of another type.
    """
    stored = read_object(path)
    values = {}
    for key, (ours, kind) in KEYS.items():
        if key in stored:
            check_kind(stored[key], kind, f"{path}: {key}")
            values[ours] = stored[key]
    if "layer_norm_eps" in stored:
        check_kind(stored["layer_norm_eps"], float, f"{path}: layer_norm_eps")
        _compare_eps(path, stored["layer_norm_eps"])
    if "max_position_embeddings" in stored:
        check_kind(stored["max_position_embeddings"], int, f"{path}: max_position_embeddings")
        values["max_positions"] = stored["max_position_embeddings"] - ROWS_BEFORE
    kind = stored.get("position_embedding_type")
    if kind is not None:
        if kind not in POSITIONS:
            raise BasewiseError(
                f"{path}: unknown position_embedding_type",
                found=repr(kind),
                hint=f"Known: {', '.join(POSITIONS)}.",
            )
        values["use_rotary_embedding"], values["positional_embedding"] = POSITIONS[kind]
    return values


def _compare_eps(path: Path, eps: float) -> None:
    if eps != NORM_EPS:
        logger.warning(
            "%s says layer_norm_eps %g; the model computes with %g, as its JAX twin does. "
            'For what PyTorch computes import with --config and {"layer_norm_eps": %g}',
            path,
            eps,
            NORM_EPS,
            eps,
        )
