"""Checkpoints as PyTorch writes them, made without PyTorch: state dicts, zip archives, pickles.

The names are written out of the published tables once more, and apart from the package's own, so
that a slip in one of the two shows.
"""

import io
import json
import math
import re
import zipfile

import ml_dtypes
import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
SAFETENSORS = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"} | {
    "int64": "I64",
    "int32": "I32",
    "uint8": "U8",
    "bool": "BOOL",
}
ORDERED_DICT = b"ccollections\nOrderedDict\n)R"
bfloat16 = ml_dtypes.bfloat16


def text(word: str) -> bytes:
    return b"X" + len(word.encode()).to_bytes(4, "little") + word.encode()


def integer(value: int) -> bytes:
    if 0 <= value < 1 << 31:
        return b"J" + value.to_bytes(4, "little")
    data = value.to_bytes(16, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def numbers(values) -> bytes:
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def storage_code(key: str, storage: str, count: int) -> bytes:
    described = text("storage") + b"ctorch\n" + storage.encode() + b"\n" + text(key) + text("cpu")
    return b"(" + described + integer(count) + b"tQ"


def tensor_code(storage: bytes, first: int, shape, strides) -> bytes:
    view = integer(first) + numbers(shape) + numbers(strides) + b"\x89" + ORDERED_DICT
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + b"tR"


def state_dict_code(tensors: dict[str, bytes]) -> bytes:
    """The pickle of {name: code of a tensor}, as module.state_dict() is pickled."""
    items = b"".join(text(name) + code for name, code in tensors.items())
    metadata = b"}" + text("_metadata") + ORDERED_DICT + text("") + b"}ss"
    return b"\x80\x02" + ORDERED_DICT + b"(" + items + b"u" + metadata + b"b."


def strides_of(shape) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def zip_bytes(code: bytes, storages: dict[str, bytes], *, root: str = "archive", **extra) -> bytes:
    """An archive of torch.save: `storages` by key, `extra` entries by name below the root."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{root}/data.pkl", code)
        for key, data in storages.items():
            archive.writestr(f"{root}/data/{key}", data)
        for name, data in {"version": b"3\n", **extra}.items():
            archive.writestr(f"{root}/{name}", data)
    return buffer.getvalue()


def bin_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """pytorch_model.bin of a state dict."""
    tensors, storages = {}, {}
    for key, (name, array) in enumerate(arrays.items()):
        storage = storage_code(str(key), STORAGES[array.dtype.name], array.size)
        tensors[name] = tensor_code(storage, 0, array.shape, strides_of(array.shape))
        storages[str(key)] = array.tobytes()
    return zip_bytes(state_dict_code(tensors), storages, byteorder=b"little")


def safetensors_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """model.safetensors of a state dict."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": SAFETENSORS[array.dtype.name], "shape": list(array.shape)}
        header[name]["data_offsets"] = [begin, end]
    packed = json.dumps(header).encode()
    body = b"".join(array.tobytes() for array in arrays.values())
    return len(packed).to_bytes(8, "little") + packed + body


def _linear(w):
    return np.ascontiguousarray(w.T)


def _conv(w):  # (k, in, out) -> (out, in, k)
    return np.ascontiguousarray(np.einsum("kio->oik", w))


def _conv_transpose(w):  # (k, out, in) -> (in, out, k), last tap first
    return np.ascontiguousarray(np.einsum("koi->iok", w)[:, :, ::-1])


def _pointwise(w):  # a linear layer that PyTorch has as a convolution over one position
    return _linear(w)[:, :, None]


def _pool(w):  # (1, 1, in, out) -> (out, in, 1, 1)
    return np.ascontiguousarray(np.einsum("abio->oiba", w))


def _same(x):
    return x


def _flat(x):
    return x.ravel()


_LINEAR = {"w": ("weight", _linear), "b": ("bias", _same)}
_POINTWISE = {"w": ("weight", _pointwise), "b": ("bias", _same)}
_CONV = {"w": ("weight", _conv), "b": ("bias", _flat)}
_CONV_TRANSPOSE = {"w": ("weight", _conv_transpose), "b": ("bias", _same)}
_NORM = {"scale": ("weight", _flat), "offset": ("bias", _flat)}
_EMBEDDING = {"embeddings": ("weight", _same)}
_POOL = {"w": ("weight", _pool)}
_BIASES = {"rel_content_bias": ("rel_content_bias", _same), "rel_pos_bias": ("rel_pos_bias", _same)}

_LAYER = r"nucleotide_transformer/attention_layer_(\d+)/~/"
_LM = "nucleotide_transformer/~/roberta_lm_head/~/"
_UNET = "segmentation_head/~/unet1_d_segmentation_head/~/"
_ATTENTION = r"(?:Enformer|Borzoi)/~_transformer_attention/layer_(\d+)/"
_FFN = r"(?:Enformer|Borzoi)/~_transformer_ffn_block/layer_(\d+)/"
TABLE = [  # our module, PyTorch's, its arrays
    ("nucleotide_transformer/~/embed", "esm.embeddings.word_embeddings", _EMBEDDING),
    (
        "nucleotide_transformer/~/esm_learned_positional_embeddings/~/embed",
        "esm.embeddings.position_embeddings",
        _EMBEDDING,
    ),
    (
        _LAYER + "self_attention/(query|key|value)",
        r"esm.encoder.layer.\1.attention.self.\2",
        _LINEAR,
    ),
    (_LAYER + "self_attention/mha_output", r"esm.encoder.layer.\1.attention.output.dense", _LINEAR),
    (_LAYER + "self_attention_layer_norm", r"esm.encoder.layer.\1.attention.LayerNorm", _NORM),
    (_LAYER + "final_layer_norm", r"esm.encoder.layer.\1.LayerNorm", _NORM),
    (_LAYER + "fc1", r"esm.encoder.layer.\1.intermediate.dense", _LINEAR),
    (_LAYER + "fc2", r"esm.encoder.layer.\1.output.dense", _LINEAR),
    (_LM + "emb_layer_norm_after", "esm.encoder.emb_layer_norm_after", _NORM),
    (_LM + "lm_head_fc_1", "lm_head.dense", _LINEAR),
    (_LM + "lm_head_layer_norm", "lm_head.layer_norm", _NORM),
    (
        _LM + "lm_final_fc",
        "lm_head",
        {"w": ("decoder.weight", _linear), "b": ("bias", _same)},
    ),
    (
        _UNET + r"downsample_block_(\d)/~/conv(\d)",
        r"unet._downsample_blocks.\1.conv_layers.\2",
        _CONV,
    ),
    (
        _UNET + r"upsample_block_(\d)/~/conv_transpose(\d)",
        r"unet._upsample_blocks.\1.conv_layers.\2",
        _CONV_TRANSPOSE,
    ),
    (_UNET + r"final_conv1_d/~/conv(\d)", r"unet.final_block.conv_layers.\1", _CONV),
    ("segmentation_head/~/fc", "fc", _LINEAR),
    (_ATTENTION + "attn_layer_norm", r"transformer.\1.0.fn.0", _NORM),
    (_ATTENTION + "attention/~/attn_to_rel_k", r"transformer.\1.0.fn.1.to_rel_k", _LINEAR),
    (_ATTENTION + "attention/~/attn_([qkv])", r"transformer.\1.0.fn.1.to_\2", _LINEAR),
    (_ATTENTION + "attention/~/attn_o", r"transformer.\1.0.fn.1.to_out", _LINEAR),
    (_ATTENTION + "attention", r"transformer.\1.0.fn.1", _BIASES),
    (_FFN + "ffn_layer_norm", r"transformer.\1.1.fn.0", _NORM),
    (_FFN + "ffn_1", r"transformer.\1.1.fn.1", _LINEAR),
    (_FFN + "ffn_2", r"transformer.\1.1.fn.4", _LINEAR),
    ("Enformer/~_stem/conv1_d", "stem.0", _CONV),
    ("Enformer/~_stem/residual_conv_block/conv_block/batch_norm", "stem.1.fn.0", _NORM),
    ("Enformer/~_stem/residual_conv_block/conv_block/conv1_d", "stem.1.fn.2", _CONV),
    ("Enformer/~_stem/attention_pool/~/conv2_d", "stem.2.to_attn_logits", _POOL),
    (
        r"Enformer/~_conv_tower/layer_(\d)/residual_conv_block/conv_block/batch_norm",
        r"conv_tower.\1.1.fn.0",
        _NORM,
    ),
    (
        r"Enformer/~_conv_tower/layer_(\d)/residual_conv_block/conv_block/conv1_d",
        r"conv_tower.\1.1.fn.2",
        _CONV,
    ),
    (r"Enformer/~_conv_tower/layer_(\d)/conv_block/batch_norm", r"conv_tower.\1.0.0", _NORM),
    (r"Enformer/~_conv_tower/layer_(\d)/conv_block/conv1_d", r"conv_tower.\1.0.2", _CONV),
    (
        r"Enformer/~_conv_tower/layer_(\d)/attention_pool/~/conv2_d",
        r"conv_tower.\1.2.to_attn_logits",
        _POOL,
    ),
    ("Enformer/~_final_pointwise/conv_block/batch_norm", "final_pointwise.1.0", _NORM),
    ("Enformer/~_final_pointwise/conv_block/conv1_d", "final_pointwise.1.2", _CONV),
    (r"Enformer/~_heads/(\w+)_head", r"_heads.\1.0", _LINEAR),
    ("Borzoi/~_stem/conv1_d", "conv_dna.conv_layer", _CONV),
    ("Borzoi/~_conv_tower/layer_LAST/conv_block/batch_norm", "unet1.1.norm", _NORM),
    ("Borzoi/~_conv_tower/layer_LAST/conv_block/conv1_d", "unet1.1.conv_layer", _CONV),
    (r"Borzoi/~_conv_tower/layer_(\d)/conv_block/batch_norm", r"res_tower.<\1>.norm", _NORM),
    (r"Borzoi/~_conv_tower/layer_(\d)/conv_block/conv1_d", r"res_tower.<\1>.conv_layer", _CONV),
    *(
        (f"Borzoi/~_unet_conv/u_net_conv_block_{ours}/{module}", torch, leaves)
        for ours, theirs in ((0, 1), (1, 0))
        for module, torch, leaves in (
            ("batch_norm_unet_repr", f"horizontal_conv{theirs}.norm", _NORM),
            ("linear_unet", f"horizontal_conv{theirs}.conv_layer", _POINTWISE),
            ("batch_norm", f"upsampling_unet{theirs}.0.norm", _NORM),
            ("linear", f"upsampling_unet{theirs}.0.conv_layer", _POINTWISE),
            (
                "separable_depthwise_conv1_d/~/depthwise_conv1_d",
                f"separable{theirs}.conv_layer.0",
                _CONV,
            ),
            ("separable_depthwise_conv1_d/~/conv1_d", f"separable{theirs}.conv_layer.1", _CONV),
        )
    ),
    ("Borzoi/~_final_conv_block/conv_block/batch_norm", "final_joined_convs.0.norm", _NORM),
    ("Borzoi/~_final_conv_block/conv_block/conv1_d", "final_joined_convs.0.conv_layer", _CONV),
    ("Borzoi/~_heads/human_head", "human_head", _POINTWISE),
]
RUNNING = {"mean_ema": "running_mean", "var_ema": "running_var"}


def to_torch(flat: dict[str, np.ndarray], *, with_unused: bool = False) -> dict[str, np.ndarray]:
    """The state dict of arrays under our flat names.

    Args:
        with_unused: add what published checkpoints have and no model here needs.
    """
    tower = [int(n[1]) for name in flat if (n := re.match(r"Borzoi/~_conv_tower/layer_(\d)", name))]
    state = {}
    for name, array in flat.items():
        module, leaf = name.split("|")
        running = re.fullmatch(r"(.+)/~/(mean_ema|var_ema)", module)
        module = running[1] if running else module
        if tower:
            module = module.replace(f"tower/layer_{max(tower)}/", "tower/layer_LAST/")
        for ours, torch, leaves in TABLE:
            match = re.fullmatch(ours, module)
            if match is None:
                continue
            target = re.sub(r"<(\d)>", lambda n: str(2 * int(n[1])), match.expand(torch))
            theirs, turn = (RUNNING[running[2]], _flat) if running else leaves[leaf]
            state[f"{target}.{theirs}"] = turn(array)
            if running and with_unused:
                state[f"{target}.num_batches_tracked"] = np.array(5, np.int64)
            break
        else:
            raise KeyError(name)
    if with_unused and "lm_head.bias" in state:
        state |= {
            "esm.contact_head.regression.weight": np.ones((1, 4), np.float32),
            "esm.contact_head.regression.bias": np.ones(1, np.float32),
            "esm.embeddings.position_ids": np.arange(9)[None],
        }
    return state


def flat_names(npz) -> dict[str, np.ndarray]:
    """The parameters and running averages of a golden file under our flat names."""
    flat = {}
    for key in npz:
        kind, _, name = key.partition(":")
        if kind == "p" or (kind == "s" and name.endswith("|average")):
            prefix, _, rest = name.partition("/")
            if prefix == "u_net_head" or prefix.endswith("_1"):
                prefix = "segmentation_head"
            elif prefix not in ("Enformer", "Borzoi"):
                prefix = "nucleotide_transformer"
            flat[f"{prefix}/{rest}"] = npz[key]
    return flat
