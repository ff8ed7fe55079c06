"""Haiku layers shared by the transformer families, under the names of the published parameters.

Shapes: B sequences, L tokens, D embedding, H heads, K channels per head, V vocabulary rows.
Matrix products run in the compute dtype with float32 accumulation; the residual stream, norms,
softmax and rotary tables stay float32.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models import attention
from basewise.models.activations import ACTIVATIONS
from basewise.models.trunk_config import NucleotideTransformerConfig


class Dense(hk.Module):
    """x · w + b over the last axis, with w (in, out)."""

    def __init__(self, size: int, *, with_bias: bool = True, dtype=jnp.float32, name: str):
        super().__init__(name=name)
        self.size, self.with_bias, self.dtype = size, with_bias, dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        init = hk.initializers.VarianceScaling(1.0, "fan_in", "truncated_normal")
        w = hk.get_parameter("w", (x.shape[-1], self.size), jnp.float32, init)
        y = jnp.matmul(
            x.astype(self.dtype), w.astype(self.dtype), preferred_element_type=jnp.float32
        )
        if self.with_bias:
            y = y + hk.get_parameter("b", (self.size,), jnp.float32, jnp.zeros)
        return y


def layer_norm(eps: float, name: str) -> hk.LayerNorm:
    """Norm over the last axis with scale and offset."""
    return hk.LayerNorm(axis=-1, create_scale=True, create_offset=True, eps=eps, name=name)


class SelfAttention(hk.Module):
    """Multi-head self-attention, optionally rotary or with one learned key and value more."""

    def __init__(self, config: NucleotideTransformerConfig, dtype, name: str = "self_attention"):
        super().__init__(name=name)
        self.config, self.dtype = config, dtype

    def __call__(self, x, mask, heads_to_map: tuple[int, ...] = ()):
        """Return (B, L, D) and the weights (B, len(heads_to_map), L, L) of the heads asked for."""
        config = self.config
        query, key, value = (self._project(x, name) for name in ("query", "key", "value"))
        if config.add_bias_kv:
            key, value, mask = self._with_bias_kv(key, value, mask)
        if config.use_rotary_embedding:
            scale = config.rotary_scale(x.shape[1])
            cos, sin = attention.rotary_tables(key.shape[1], config.key_size, scale=scale)
            query = attention.rotate(query, cos[: query.shape[1]], sin[: query.shape[1]])
            key = attention.rotate(key, cos, sin)
        query, key, value = (part.astype(self.dtype) for part in (query, key, value))
        mixed = attention.attend(query, key, value, mask)
        picked = jnp.asarray(heads_to_map, int)
        maps = attention.attention_weights(query[:, :, picked], key[:, :, picked], mask)
        output = Dense(config.embed_dim, dtype=self.dtype, name="mha_output")
        return output(mixed.reshape(*x.shape[:2], -1)), maps

    @hk.transparent
    def _project(self, x: jax.Array, name: str) -> jax.Array:
        heads, size = self.config.attention_heads, self.config.key_size
        projected = Dense(heads * size, dtype=self.dtype, name=name)(x)
        return projected.reshape(*x.shape[:2], heads, size)

    def _with_bias_kv(self, key, value, mask):
        shape = (1, 1, self.config.attention_heads, self.config.key_size)
        init = hk.initializers.RandomNormal()
        extra_key = hk.get_parameter("bias_k", shape, jnp.float32, init)
        extra_value = hk.get_parameter("bias_v", shape, jnp.float32, init)
        batch = key.shape[0]
        key = jnp.concatenate([key, jnp.tile(extra_key, (batch, 1, 1, 1))], axis=1)
        value = jnp.concatenate([value, jnp.tile(extra_value, (batch, 1, 1, 1))], axis=1)
        if mask is not None:
            mask = jnp.pad(mask, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=True)
        return key, value, mask


class AttentionLayer(hk.Module):
    """One transformer block: attention and feed-forward, each with its norm and residual."""

    def __init__(self, config: NucleotideTransformerConfig, dtype, name: str = "attention_layer"):
        super().__init__(name=name)
        self.config = config
        width = config.ffn_embed_dim * (2 if config.use_glu_in_ffn else 1)
        bias = config.add_bias_ffn
        self.attention_norm = layer_norm(config.layer_norm_eps, "self_attention_layer_norm")
        self.attention = SelfAttention(config, dtype)
        self.final_norm = layer_norm(config.layer_norm_eps, "final_layer_norm")
        self.fc1 = Dense(width, with_bias=bias, dtype=dtype, name="fc1")
        self.fc2 = Dense(config.embed_dim, with_bias=bias, dtype=dtype, name="fc2")

    def __call__(self, x, mask, heads_to_map: tuple[int, ...] = ()):
        """Return the block's output (B, L, D) and the attention maps asked for."""
        if self.config.pre_layer_norm:
            mixed, maps = self.attention(self.attention_norm(x), mask, heads_to_map)
            x = x + mixed
            return x + self._feed_forward(self.final_norm(x)), maps
        mixed, maps = self.attention(x, mask, heads_to_map)
        x = self.attention_norm(x + mixed)
        return self.final_norm(x + self._feed_forward(x)), maps

    def _feed_forward(self, x: jax.Array) -> jax.Array:
        activate = ACTIVATIONS[self.config.ffn_activation_name]
        hidden = self.fc1(x)
        if self.config.use_glu_in_ffn:
            gate, hidden = jnp.split(hidden, 2, axis=-1)
            return self.fc2(activate(gate) * hidden)
        return self.fc2(activate(hidden))


class LearnedPositions(hk.Module):
    """A row per position, counted over the tokens that are not pads."""

    def __init__(
        self, config: NucleotideTransformerConfig, name: str = "esm_learned_positional_embeddings"
    ):
        super().__init__(name=name)
        self.pad_id = config.pad_token_id
        self.embed = hk.Embed(
            config.max_positions + self.pad_id + 1, config.table_dim, name="embed"
        )

    def __call__(self, tokens: jax.Array) -> jax.Array:
        is_token = (tokens != self.pad_id).astype(jnp.int32)
        return self.embed(jnp.cumsum(is_token, axis=1) * is_token + self.pad_id)


class AbsolutePositions(hk.Module):
    """A row per place in the sequence, whatever token is there."""

    def __init__(self, config: NucleotideTransformerConfig, name: str = "position_embeddings"):
        super().__init__(name=name)
        self.embed = hk.Embed(config.max_positions, config.table_dim, name="embed")

    def __call__(self, tokens: jax.Array) -> jax.Array:
        return self.embed(jnp.arange(tokens.shape[1]))[None]


POSITIONS = {"learned": LearnedPositions, "absolute": AbsolutePositions}


class LanguageModelHead(hk.Module):
    """The norm that closes the trunk, and the logits over the vocabulary."""

    def __init__(self, config: NucleotideTransformerConfig, dtype, name: str = "roberta_lm_head"):
        super().__init__(name=name)
        self.embedding_norm = layer_norm(config.layer_norm_eps, "emb_layer_norm_after")
        self.fc1 = Dense(config.embed_dim, dtype=dtype, name="lm_head_fc_1")
        self.norm = layer_norm(config.layer_norm_eps, "lm_head_layer_norm")
        self.final = Dense(config.alphabet_size, dtype=dtype, name="lm_final_fc")

    def __call__(self, embedding: jax.Array) -> jax.Array:
        """Return logits (B, L, V) of an embedding that has passed ``embedding_norm``."""
        hidden = ACTIVATIONS["gelu-no-approx"](self.fc1(embedding))
        return self.final(self.norm(hidden))
