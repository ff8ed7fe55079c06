"""The baseline of bench_inference: SegmentNT written down as simply as it can be.

Attention holds the whole matrix of every head, layers are unrolled, everything is float32, one
tile goes through at a time, and the tokenizer is a Python list. Parameters are those of
basewise, flat and by name, so that both compute the same function.
"""

import jax
import jax.numpy as jnp
import numpy as np

TRUNK, HEAD = "nucleotide_transformer", "segmentation_head/~"
UNET = f"{HEAD}/unet1_d_segmentation_head/~"


def tokenize(sequence: str) -> list[int]:
    """Ids of one sequence over A, C, G, T, N in the 6-mer vocabulary of v2."""
    digits = {"A": 0, "T": 1, "C": 2, "G": 3}
    ids = [3]
    pieces = sequence.split("N")
    for number, piece in enumerate(pieces):
        position = 0
        while position + 6 <= len(piece):
            index = 0
            for letter in piece[position : position + 6]:
                index = index * 4 + digits[letter]
            ids.append(6 + index)
            position += 6
        ids.extend(4102 + digits[letter] for letter in piece[position:])
        if number + 1 < len(pieces):
            ids.append(4106)
    return ids


def forward(params: dict, tokens: jax.Array, *, layers: int, heads: int) -> jax.Array:
    """Probabilities (6 · (L - 1), features) of one tile's ids (L,)."""
    x = params[f"{TRUNK}/~/embed|embeddings"][tokens]
    for number in range(layers):
        name = f"{TRUNK}/attention_layer_{number}/~"
        x = x + attend(params, name, norm(params, f"{name}/self_attention_layer_norm", x), heads)
        hidden = norm(params, f"{name}/final_layer_norm", x) @ params[f"{name}/fc1|w"]
        gate, hidden = jnp.split(hidden, 2, axis=-1)
        x = x + (jax.nn.swish(gate) * hidden) @ params[f"{name}/fc2|w"]
    x = norm(params, f"{TRUNK}/~/roberta_lm_head/~/emb_layer_norm_after", x)[1:]
    skips = []
    for block in range(2):
        for conv in range(2):
            x = jax.nn.swish(convolve(params, f"{UNET}/downsample_block_{block}/~/conv{conv}", x))
        skips.append(x)
        x = (x[0::2] + x[1::2]) / 2
    for block in range(2):
        for conv in range(2):
            name = f"{UNET}/upsample_block_{block}/~/conv_transpose{conv}"
            x = jax.nn.swish(convolve(params, name, x, is_transposed=True))
        x = jnp.repeat(x, 2, axis=0) + skips.pop()
    x = jax.nn.swish(convolve(params, f"{UNET}/final_conv1_d/~/conv0", x))
    x = convolve(params, f"{UNET}/final_conv1_d/~/conv1", x)
    logits = dense(params, f"{HEAD}/fc", jax.nn.swish(x))
    return jax.nn.softmax(logits.reshape(6 * len(x), -1, 2))[..., 1]


def attend(params: dict, name: str, x: jax.Array, heads: int) -> jax.Array:
    length, size = len(x), x.shape[1] // heads
    query, key, value = (
        dense(params, f"{name}/self_attention/{part}", x).reshape(length, heads, size)
        for part in ("query", "key", "value")
    )
    angle = np.arange(length)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    angle = jnp.asarray(np.concatenate([angle, angle], axis=1), jnp.float32)[:, None]
    query, key = (
        part * jnp.cos(angle)
        + jnp.concatenate([-part[..., size // 2 :], part[..., : size // 2]], axis=-1)
        * jnp.sin(angle)
        for part in (query, key)
    )
    logits = jnp.einsum("thk,shk->hts", query, key) / np.sqrt(size)
    mask = jnp.ones((1, length, length), bool)
    weights = jax.nn.softmax(jnp.where(mask, logits, -1e30))
    mixed = jnp.einsum("hts,shk->thk", weights, value).reshape(length, -1)
    return dense(params, f"{name}/self_attention/mha_output", mixed)


def dense(params: dict, name: str, x: jax.Array) -> jax.Array:
    return x @ params[f"{name}|w"] + params[f"{name}|b"]


def norm(params: dict, name: str, x: jax.Array) -> jax.Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * params[f"{name}|scale"] + params[f"{name}|offset"]


def convolve(params: dict, name: str, x: jax.Array, *, is_transposed: bool = False) -> jax.Array:
    kernel = params[f"{name}|w"].transpose(0, 2, 1) if is_transposed else params[f"{name}|w"]
    y = jax.lax.conv_general_dilated(
        x[None], kernel, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    )
    return y[0] + params[f"{name}|b"]
