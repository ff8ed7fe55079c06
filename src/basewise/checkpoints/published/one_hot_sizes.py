"""What the arrays of a SegmentEnformer or SegmentBorzoi tell of its sizes."""

import re

from basewise.checkpoints.published.names import NAMESPACES
from basewise.checkpoints.published.told import Shapes, Told, read_axes
from basewise.models.parameters import SEGMENTATION_NAMESPACE

ATTENTION = "~_transformer_attention/layer_0"
UPSAMPLING = "~_unet_conv/u_net_conv_block_0"
HEAD = f"{SEGMENTATION_NAMESPACE}/~"
BOTH = {
    "embed_dim": (f"{ATTENTION}/attn_layer_norm|scale", 0),
    "num_attention_heads": (f"{ATTENTION}/attention|rel_content_bias", 1),
    "attention_dim_key": (f"{ATTENTION}/attention|rel_content_bias", 3),
}
BORZOI = {
    "int_embed_dim": ("~_stem/conv1_d|w", 2),
    "res_tower_embed_dim_init": ("~_conv_tower/layer_0/conv_block/conv1_d|w", 2),
    "num_rel_pos_features": (f"{ATTENTION}/attention/~/attn_to_rel_k|w", 0),
    "separable_channels": (f"{UPSAMPLING}/separable_depthwise_conv1_d/~/conv1_d|w", 2),
    "final_conv_block_embed_dim": ("~_final_conv_block/conv_block/conv1_d|w", 2),
}
OF_HEAD = {
    "head_embed_dimension": (f"{HEAD}/unet1_d_segmentation_head/~/downsample_block_0/~/conv0|w", 2),
    "len(features) * 2 * nucl_per_token": (f"{HEAD}/fc|w", 1),
}


def read_sizes(shapes: Shapes, family: str) -> dict[str, Told]:
    """Return what the shapes tell, by key; nothing of arrays that are missing or bent.

    Keys are fields of EnformerConfig or BorzoiConfig, and those of the head.
    """
    namespace, is_borzoi = NAMESPACES[family], family == "segment_borzoi"
    places = {
        key: (f"{namespace}/{array}", axis)
        for key, (array, axis) in (BOTH | (BORZOI if is_borzoi else {})).items()
    } | OF_HEAD
    told = read_axes(shapes, places)
    counted = {
        "num_transformer_layers": (f"{namespace}/~_transformer_attention/layer_", 0),
        "num_downsamples": (f"{namespace}/~_conv_tower/layer_", 1),  # one more in the stem
    }
    if is_borzoi:
        counted["num_unet_conv"] = (f"{namespace}/~_unet_conv/u_net_conv_block_", 0)
    for key, (before, others) in counted.items():
        if count := len(_numbers(shapes, before)):
            told[key] = Told(f"the number of {before}*", count + others)
    return told


def read_widths(shapes: Shapes, family: str) -> list[int]:
    """Return the channels behind each stage of the convolution tower."""
    before = f"{NAMESPACES[family]}/~_conv_tower/layer_"
    arrays = [f"{before}{i}/conv_block/conv1_d|w" for i in range(len(_numbers(shapes, before)))]
    return [shapes[array][2] for array in arrays if len(shapes.get(array, ())) == 3]


def _numbers(shapes: Shapes, before: str) -> set[str]:
    pattern = re.compile(re.escape(before) + r"(\d+)/")
    return {match[1] for name in shapes if (match := pattern.match(name))}
