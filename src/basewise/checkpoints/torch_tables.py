"""What PyTorch calls the arrays of each family, what we call them, and how they are turned.

A row names a kind of layer, PyTorch's module below any prefix, and ours; `{i}` counts the blocks
of a container. transformers (`EsmForMaskedLM`, `BertForMaskedLM`, `AlbertForMaskedLM`),
enformer_pytorch and borzoi_pytorch set the names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from basewise.checkpoints.binding_table import ADAPTER
from basewise.errors import BasewiseError
from basewise.models.nucleotide_transformer import LAYER, NAMESPACE
from basewise.models.parameters import SEGMENTATION_NAMESPACE


@dataclass(frozen=True)
class Transform:
    """How an array of PyTorch's becomes one of ours; always a view.

    Attributes:
        n_axes: how many axes PyTorch's array has; None for any.
    """

    name: str
    n_axes: int | None
    turn: Callable[[np.ndarray], np.ndarray]

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Return the array as ours.

        Raises:
            BasewiseError: it has another number of axes than this kind of layer.
        """
        if self.n_axes not in (None, array.ndim):
            raise BasewiseError(
                f"the array of a {self.name} should have {self.n_axes} axes", found=array.shape
            )
        return self.turn(array)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that an array of `shape` comes to have."""
        return self(np.broadcast_to(np.float32(0), shape)).shape


def _turn_linear(w: np.ndarray) -> np.ndarray:
    if w.ndim == 3 and w.shape[2] == 1:  # a convolution over one position
        w = w[:, :, 0]
    if w.ndim != 2:
        raise BasewiseError("the array of a linear layer should have 2 axes", found=w.shape)
    return w.T


AS_IT_IS = Transform("parameter", None, lambda x: x)
LINEAR = Transform("linear layer", None, _turn_linear)
CONV = Transform("convolution", 3, lambda w: w.transpose(2, 1, 0))
CONV_TRANSPOSE = Transform("transposed convolution", 3, lambda w: w.transpose(2, 1, 0)[::-1])
POOL = Transform("convolution over pairs", 4, lambda w: w.transpose(2, 3, 1, 0))
BATCH_NORM = Transform("batch norm", 1, lambda x: x[None, :, None])
CHANNELS_FIRST = Transform("bias of a convolution", 1, lambda x: x[:, None])

KINDS = {
    "embedding": {"weight": ("|embeddings", AS_IT_IS)},
    "kernel": {"weight": ("|w", LINEAR)},
    "bias": {"bias": ("|b", AS_IT_IS)},
    "linear": {"weight": ("|w", LINEAR), "bias": ("|b", AS_IT_IS)},
    "layer_norm": {
        "gamma": ("|scale", AS_IT_IS),  # as transformers 5 writes some of them
        "beta": ("|offset", AS_IT_IS),
        "weight": ("|scale", AS_IT_IS),
        "bias": ("|offset", AS_IT_IS),
    },
    "batch_norm": {
        "weight": ("|scale", BATCH_NORM),
        "bias": ("|offset", BATCH_NORM),
        "running_mean": ("/~/mean_ema|average", BATCH_NORM),
        "running_var": ("/~/var_ema|average", BATCH_NORM),
    },
    "conv": {"weight": ("|w", CONV), "bias": ("|b", CHANNELS_FIRST)},
    "conv_kernel": {"weight": ("|w", CONV)},
    "head_conv": {"weight": ("|w", CONV), "bias": ("|b", AS_IT_IS)},
    "head_conv_transpose": {"weight": ("|w", CONV_TRANSPOSE), "bias": ("|b", AS_IT_IS)},
    "pool": {"weight": ("|w", POOL)},
    "relative_biases": {
        "rel_content_bias": ("|rel_content_bias", AS_IT_IS),
        "rel_pos_bias": ("|rel_pos_bias", AS_IT_IS),
    },
    "latents": {
        name: (f"|{name}", AS_IT_IS)
        for name in (
            "to_latent_w",
            "to_latent_b",
            "context_to_latent_w",
            "context_to_latent_b",
            "null_context",
        )
    },
    "grid": {"weights": ("|weights", AS_IT_IS)},
}

_BLOCK = f"{NAMESPACE}/{LAYER}_{{i}}/~"
_LM_HEAD = f"{NAMESPACE}/~/roberta_lm_head/~"
_EMBED = ("embedding", "embeddings.word_embeddings", f"{NAMESPACE}/~/embed")
_BERT_ATTENTION = (
    *(
        ("linear", f"encoder.layer.{{i}}.attention.self.{part}", f"{_BLOCK}/self_attention/{part}")
        for part in ("query", "key", "value")
    ),
    ("linear", "encoder.layer.{i}.attention.output.dense", f"{_BLOCK}/self_attention/mha_output"),
)
ESM = (
    _EMBED,
    (
        "embedding",
        "embeddings.position_embeddings",
        f"{NAMESPACE}/~/esm_learned_positional_embeddings/~/embed",
    ),
    ("layer_norm", "embeddings.layer_norm", f"{NAMESPACE}/~/emb_layer_norm_before"),
    *_BERT_ATTENTION,
    ("layer_norm", "encoder.layer.{i}.attention.LayerNorm", f"{_BLOCK}/self_attention_layer_norm"),
    ("layer_norm", "encoder.layer.{i}.LayerNorm", f"{_BLOCK}/final_layer_norm"),
    ("linear", "encoder.layer.{i}.intermediate.dense", f"{_BLOCK}/fc1"),
    ("linear", "encoder.layer.{i}.output.dense", f"{_BLOCK}/fc2"),
    ("layer_norm", "encoder.emb_layer_norm_after", f"{_LM_HEAD}/emb_layer_norm_after"),
    ("linear", "lm_head.dense", f"{_LM_HEAD}/lm_head_fc_1"),
    ("layer_norm", "lm_head.layer_norm", f"{_LM_HEAD}/lm_head_layer_norm"),
    ("kernel", "lm_head.decoder", f"{_LM_HEAD}/lm_final_fc"),
    ("bias", "lm_head", f"{_LM_HEAD}/lm_final_fc"),
)
_BERT_EMBEDDINGS = (
    _EMBED,
    (
        "embedding",
        "embeddings.position_embeddings",
        f"{NAMESPACE}/~/position_embeddings/~/embed",
    ),
    ("embedding", "embeddings.token_type_embeddings", f"{NAMESPACE}/~/token_types"),
    ("layer_norm", "embeddings.LayerNorm", f"{NAMESPACE}/~/emb_layer_norm_before"),
)
BERT = (
    *_BERT_EMBEDDINGS,
    *_BERT_ATTENTION,
    (
        "layer_norm",
        "encoder.layer.{i}.attention.output.LayerNorm",
        f"{_BLOCK}/self_attention_layer_norm",
    ),
    ("linear", "encoder.layer.{i}.intermediate.dense", f"{_BLOCK}/fc1"),
    ("linear", "encoder.layer.{i}.output.dense", f"{_BLOCK}/fc2"),
    ("layer_norm", "encoder.layer.{i}.output.LayerNorm", f"{_BLOCK}/final_layer_norm"),
)
_GROUP = "encoder.albert_layer_groups.0.albert_layers.{i}"
ALBERT = (
    *_BERT_EMBEDDINGS,
    ("linear", "encoder.embedding_hidden_mapping_in", f"{NAMESPACE}/~/embedding_projection"),
    *(
        ("linear", f"{_GROUP}.attention.{part}", f"{_BLOCK}/self_attention/{ours}")
        for part, ours in (
            ("query", "query"),
            ("key", "key"),
            ("value", "value"),
            ("dense", "mha_output"),
        )
    ),
    ("layer_norm", f"{_GROUP}.attention.LayerNorm", f"{_BLOCK}/self_attention_layer_norm"),
    ("linear", f"{_GROUP}.ffn", f"{_BLOCK}/fc1"),
    ("linear", f"{_GROUP}.ffn_output", f"{_BLOCK}/fc2"),
    ("layer_norm", f"{_GROUP}.full_layer_layer_norm", f"{_BLOCK}/final_layer_norm"),
)
_UNET = f"{SEGMENTATION_NAMESPACE}/~/unet1_d_segmentation_head/~"
UNET = (
    (
        "head_conv",
        "_downsample_blocks.{i}.conv_layers.0",
        f"{_UNET}/downsample_block_{{i}}/~/conv0",
    ),
    (
        "head_conv",
        "_downsample_blocks.{i}.conv_layers.1",
        f"{_UNET}/downsample_block_{{i}}/~/conv1",
    ),
    (
        "head_conv_transpose",
        "_upsample_blocks.{i}.conv_layers.0",
        f"{_UNET}/upsample_block_{{i}}/~/conv_transpose0",
    ),
    (
        "head_conv_transpose",
        "_upsample_blocks.{i}.conv_layers.1",
        f"{_UNET}/upsample_block_{{i}}/~/conv_transpose1",
    ),
    ("head_conv", "final_block.conv_layers.{i}", f"{_UNET}/final_conv1_d/~/conv{{i}}"),
    ("linear", "fc", f"{SEGMENTATION_NAMESPACE}/~/fc"),
)


def _to_transformer(namespace: str) -> tuple[tuple[str, str, str], ...]:
    attention = f"{namespace}/~_transformer_attention/layer_{{i}}"
    feed_forward = f"{namespace}/~_transformer_ffn_block/layer_{{i}}"
    return (
        ("layer_norm", "transformer.{i}.0.fn.0", f"{attention}/attn_layer_norm"),
        *(
            (
                "kernel",
                f"transformer.{{i}}.0.fn.1.to_{part}",
                f"{attention}/attention/~/attn_{ours}",
            )
            for part, ours in (("q", "q"), ("k", "k"), ("v", "v"), ("rel_k", "to_rel_k"))
        ),
        ("linear", "transformer.{i}.0.fn.1.to_out", f"{attention}/attention/~/attn_o"),
        ("relative_biases", "transformer.{i}.0.fn.1", f"{attention}/attention"),
        ("layer_norm", "transformer.{i}.1.fn.0", f"{feed_forward}/ffn_layer_norm"),
        ("linear", "transformer.{i}.1.fn.1", f"{feed_forward}/ffn_1"),
        ("linear", "transformer.{i}.1.fn.4", f"{feed_forward}/ffn_2"),
    )


def _to_conv_block(norm: str, conv: str, ours: str) -> tuple[tuple[str, str, str], ...]:
    return (("batch_norm", norm, f"{ours}/batch_norm"), ("conv", conv, f"{ours}/conv1_d"))


_STEM, _TOWER = "Enformer/~_stem", "Enformer/~_conv_tower/layer_{i}"
ENFORMER = (
    ("conv", "stem.0", f"{_STEM}/conv1_d"),
    *_to_conv_block("stem.1.fn.0", "stem.1.fn.2", f"{_STEM}/residual_conv_block/conv_block"),
    ("pool", "stem.2.to_attn_logits", f"{_STEM}/attention_pool/~/conv2_d"),
    *_to_conv_block("conv_tower.{i}.0.0", "conv_tower.{i}.0.2", f"{_TOWER}/conv_block"),
    *_to_conv_block(
        "conv_tower.{i}.1.fn.0",
        "conv_tower.{i}.1.fn.2",
        f"{_TOWER}/residual_conv_block/conv_block",
    ),
    ("pool", "conv_tower.{i}.2.to_attn_logits", f"{_TOWER}/attention_pool/~/conv2_d"),
    *_to_transformer("Enformer"),
    *_to_conv_block(
        "final_pointwise.1.0", "final_pointwise.1.2", "Enformer/~_final_pointwise/conv_block"
    ),
    ("linear", "_heads.human.0", "Enformer/~_heads/human_head"),
    ("linear", "_heads.mouse.0", "Enformer/~_heads/mouse_head"),
)


def _to_step(torch: int, ours: int) -> tuple[tuple[str, str, str], ...]:
    step = f"Borzoi/~_unet_conv/u_net_conv_block_{ours}"
    separable = f"{step}/separable_depthwise_conv1_d/~"
    return (
        ("batch_norm", f"horizontal_conv{torch}.norm", f"{step}/batch_norm_unet_repr"),
        ("linear", f"horizontal_conv{torch}.conv_layer", f"{step}/linear_unet"),
        ("batch_norm", f"upsampling_unet{torch}.0.norm", f"{step}/batch_norm"),
        ("linear", f"upsampling_unet{torch}.0.conv_layer", f"{step}/linear"),
        ("conv_kernel", f"separable{torch}.conv_layer.0", f"{separable}/depthwise_conv1_d"),
        ("conv_kernel", f"separable{torch}.conv_layer.1", f"{separable}/conv1_d"),
    )


_TOWER = "Borzoi/~_conv_tower/layer_{i}/conv_block"
BORZOI = (
    ("conv", "conv_dna.conv_layer", "Borzoi/~_stem/conv1_d"),
    *_to_conv_block("res_tower.{twice}.norm", "res_tower.{twice}.conv_layer", _TOWER),
    *_to_conv_block(
        "unet1.1.norm", "unet1.1.conv_layer", "Borzoi/~_conv_tower/layer_{last}/conv_block"
    ),
    *_to_transformer("Borzoi"),
    *_to_step(1, 0),
    *_to_step(0, 1),
    *_to_conv_block(
        "final_joined_convs.0.norm",
        "final_joined_convs.0.conv_layer",
        "Borzoi/~_final_conv_block/conv_block",
    ),
    ("linear", "human_head", "Borzoi/~_heads/human_head"),
)
TABLES = {
    "nucleotide_transformer": ESM,
    "segment_nt": ESM + UNET,
    "enformer": ENFORMER,
    "binding": ENFORMER + ADAPTER,
    "segment_enformer": ENFORMER + UNET,
    "segment_borzoi": BORZOI + UNET,
    "esm": ESM,
    "bert": BERT,
    "albert": ALBERT,
}
