"""What the arrays of a k-mer model tell of its sizes and switches."""

import re

from basewise.checkpoints.published.told import Shapes, Told, read_axes
from basewise.models.nucleotide_transformer import LAYER, NAMESPACE
from basewise.models.parameters import SEGMENTATION_NAMESPACE

EMBED = f"{NAMESPACE}/~/embed|embeddings"
POSITIONS = f"{NAMESPACE}/~/esm_learned_positional_embeddings/~/embed|embeddings"
FIRST = f"{NAMESPACE}/{LAYER}_0/~/"
HEAD_BIAS = f"{SEGMENTATION_NAMESPACE}/~/fc|b"
CLOSING = f"{NAMESPACE}/~/roberta_lm_head/~/"


def read_sizes(shapes: Shapes, pad_token_id: int) -> dict[str, Told]:
    """Return what the shapes tell, by key; nothing of arrays that are missing or bent.

    Keys are fields of NucleotideTransformerConfig, and ``attention_heads * key_size`` and
    ``len(features) * 2 * k``, which tell products only.
    """
    places = {
        "embed_dim": (EMBED, 1),
        "alphabet_size": (EMBED, 0),
        "max_positions": (POSITIONS, 0),
        "ffn_embed_dim": (f"{FIRST}fc2|w", 0),
        "attention_heads * key_size": (f"{FIRST}self_attention/query|w", 1),
        "len(features) * 2 * k": (HEAD_BIAS, 0),
    }
    told = read_axes(shapes, places)
    if "max_positions" in told:  # rows of pads and of what lies below come before
        array, n_rows = told["max_positions"]
        told["max_positions"] = Told(array, n_rows - (pad_token_id + 1))
    layers = {match[1] for name in shapes if (match := re.search(rf"/{LAYER}_(\d+)/", name))}
    if layers:
        told["num_layers"] = Told(f"the number of {LAYER}_*", len(layers))
    widths = [shapes.get(f"{FIRST}{name}", ()) for name in ("fc1|w", "fc2|w")]
    if all(len(width) == 2 for width in widths):
        told["use_glu_in_ffn"] = Told(f"{FIRST}fc1|w", widths[0][1] == 2 * widths[1][0])
        told["add_bias_ffn"] = Told(f"{FIRST}fc1|b", f"{FIRST}fc1|b" in shapes)
    return told


def read_switches(shapes: Shapes) -> dict[str, Told]:
    """Return what the presence of arrays tells, where no settings file says it."""
    arrays = {
        "add_bias_kv": f"{FIRST}self_attention|bias_k",
        "emb_layer_norm_before": f"{NAMESPACE}/~/emb_layer_norm_before|scale",
    }
    return {key: Told(array, array in shapes) for key, array in arrays.items()}
