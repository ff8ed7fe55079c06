"""Nucleotide Transformer: a BERT over k-mers, v1 (learned positions) and v2 (rotary, gated).

Dalla-Torre et al. 2025, Nature Methods, doi:10.1038/s41592-024-02523-z. The layers' parameters are
stacked along a first axis and scanned, so compiling N layers costs as much as compiling one.
Other encoders (ESM, BERT, ALBERT) are this transformer under other switches.
"""

from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.fields import check_fields
from basewise.models.collect import collect_layers
from basewise.models.layers import (
    POSITIONS,
    AttentionLayer,
    Dense,
    LanguageModelHead,
    layer_norm,
)
from basewise.models.picks import check_picks
from basewise.models.stacked import Block, take_block
from basewise.models.trunk_config import NucleotideTransformerConfig

NAMESPACE = "nucleotide_transformer"
LAYER = "attention_layer"


@dataclass(frozen=True)
class Trunk:
    """The pure functions of one transformer; parameters are always an argument.

    Its parameters are ``{"edges": …, "layers": …}``: the embedding and language-model head, and
    the blocks' parameters with a leading axis of num_layers (1 where layers are shared); all under
    their published names.
    ``rematerialise`` computes each block again in the backward pass of ``embed``.
    """

    config: NucleotideTransformerConfig
    dtype: type = jnp.float32
    rematerialise: bool = False

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters."""
        edges_rng, layers_rng = jax.random.split(rng)
        tokens = jnp.full((1, 4), self.config.mask_token_id + 1)
        x = jnp.zeros((1, 4, self.config.embed_dim))
        return {
            "edges": self._edges.init(edges_rng, tokens),
            "layers": self._layer().init(layers_rng, self.config.stored_layers, x, None),
        }

    def embed(
        self,
        params: dict,
        tokens: jax.Array,
        mask: jax.Array | None = None,
        *,
        is_padded: bool = True,
        n_layers: int | None = None,
    ) -> jax.Array:
        """Return the closing embedding, float32 (B, L, D), of int32 tokens (B, L).

        Args:
            mask: bool (B, 1, L, L), True where a query may look; None derives it from the pads.
            is_padded: False promises that there are no pads, which saves the mask.
            n_layers: stop after so many and return what they give, without the closing norm
                unless they are all; None for all.

        Raises:
            BasewiseError: n_layers that the model does not have.
        """
        config = self.config
        n_layers = config.num_layers if n_layers is None else n_layers
        check_picks((n_layers,), (), n_layers=config.num_layers, n_heads=config.attention_heads)
        mask = self._mask(tokens, mask, is_padded)
        x = self._edges.apply[0](params["edges"], tokens)
        layer = self._layer()

        def step(x, layer_params):
            return layer.apply(layer_params, x, mask)[0], None

        if self.rematerialise:
            step = jax.checkpoint(step, prevent_cse=False)
        if config.shared_layers:
            shared = take_block(params["layers"], 0)
            x, _ = jax.lax.scan(lambda x, _: step(x, shared), x, None, length=n_layers)
        else:
            first = jax.tree.map(lambda leaf: leaf[:n_layers], params["layers"])
            x, _ = jax.lax.scan(step, x, first)
        is_closed = n_layers == config.num_layers
        return self._edges.apply[1](params["edges"], x) if is_closed else x

    def inspect(
        self,
        params: dict,
        tokens: jax.Array,
        mask: jax.Array | None = None,
        *,
        layers: tuple[int, ...] = (),
        attention: tuple[tuple[int, int], ...] = (),
        logits: bool = True,
        is_padded: bool = True,
    ) -> dict[str, jax.Array]:
        """Return what people look at; no layer after the last one asked for is computed.

        Layers are scanned and only what is asked for is kept, attention maps included.

        Args:
            layers: 1-based; the last layer is given after the closing norm, as published.
            attention: (1-based layer, 0-based head) pairs.
            is_padded: False promises that there are no pads, which saves the mask.

        Returns:
            ``embeddings_<layer>`` (B, L, D), ``attention_<layer>_<head>`` (B, L, L), and
            ``logits`` (B, L, V), which are 0 at pads; all float32.

        Raises:
            BasewiseError: a layer or head the model does not have, or logits where it has no
                vocabulary head.
        """
        last = self.config.num_layers
        check_picks(layers, attention, n_layers=last, n_heads=self.config.attention_heads)
        is_closed = logits or last in layers
        n_run = last if is_closed else max((*layers, *(layer for layer, _ in attention)), default=0)
        mask = self._mask(tokens, mask, is_padded)
        x = self._edges.apply[0](params["edges"], tokens)
        inner = [layer for layer in layers if layer < last]
        x, kept, maps = collect_layers(
            lambda layer, x, heads: self._layer(heads).apply(layer, x, mask),
            params["layers"],
            x,
            n_run,
            n_keys=tokens.shape[1] + self.config.add_bias_kv,
            layers=inner,
            attention=attention,
        )
        outputs = {f"embeddings_{layer}": kept[slot] for slot, layer in enumerate(inner)}
        outputs |= {
            f"attention_{layer}_{head}": maps[slot] for slot, (layer, head) in enumerate(attention)
        }
        if is_closed:
            closing = self._edges.apply[1](params["edges"], x)
            if last in layers:
                outputs[f"embeddings_{last}"] = closing
            if logits:
                given = self.predict_tokens(params, closing)
                outputs["logits"] = (
                    given if mask is None else jnp.where(mask[:, 0, :, :1], given, 0.0)
                )
        return outputs

    def predict_tokens(self, params: dict, embedding: jax.Array) -> jax.Array:
        """Return float32 logits (…, V) of closing embeddings (…, D).

        Raises:
            BasewiseError: the model has no vocabulary head.
        """
        if not self.config.lm_head:
            raise BasewiseError("this model has no vocabulary head, hence no logits")
        return self._edges.apply[2](params["edges"], embedding)

    @property
    def _edges(self) -> hk.MultiTransformed:
        def build():
            edges = _Edges(self.config, self.dtype)

            def everything(tokens):
                closing = edges.close(edges.open(tokens))
                return edges.logits(closing) if self.config.lm_head else closing

            return everything, (edges.open, edges.close, edges.logits)

        return hk.without_apply_rng(hk.multi_transform(build))

    def _layer(self, heads: tuple[int, ...] = ()) -> Block:
        def apply(x, mask):
            return AttentionLayer(self.config, self.dtype, name=LAYER)(x, mask, heads)

        transformed = hk.without_apply_rng(hk.transform(apply))
        return Block(transformed, {LAYER: f"{NAMESPACE}/{LAYER}_*"})

    def _mask(self, tokens, mask, is_padded) -> jax.Array | None:
        if mask is not None:
            return mask.astype(bool)
        if not is_padded:
            return None
        is_token = tokens != self.config.pad_token_id
        return is_token[:, None, :, None] & is_token[:, None, None, :]


class _Edges(hk.Module):
    """What stands before the first block and after the last."""

    def __init__(self, config: NucleotideTransformerConfig, dtype):
        super().__init__(name=NAMESPACE)
        self.config = config
        self.embed = hk.Embed(config.alphabet_size, config.table_dim, name="embed")
        self.positions = None
        if config.positional_embedding is not None:
            self.positions = POSITIONS[config.positional_embedding](config)
        self.types = None
        if config.token_types:
            self.types = hk.Embed(config.token_types, config.table_dim, name="token_types")
        self.norm = None
        if config.emb_layer_norm_before:
            self.norm = layer_norm(config.layer_norm_eps, "emb_layer_norm_before")
        self.widen = None
        if config.factorised_dim is not None:
            self.widen = Dense(config.embed_dim, dtype=dtype, name="embedding_projection")
        self.head = LanguageModelHead(config, dtype)

    def open(self, tokens: jax.Array) -> jax.Array:
        config = self.config
        x = self.embed(tokens).astype(jnp.float32)
        if config.token_dropout:
            x = x * self._dropout_scale(tokens)
        x = x * config.embed_scale
        if self.positions is not None:
            if tokens.shape[1] > config.max_positions:
                raise BasewiseError(
                    f"this model reads at most {config.max_positions} tokens",
                    found=f"{tokens.shape[1]} tokens",
                    hint="Cut the sequence into windows.",
                )
            x = x + self.positions(tokens)
        if self.types is not None:
            x = x + self.types(jnp.zeros((1, 1), int))
        if self.norm is not None:
            x = self.norm(x)
        return self.widen(x) if self.widen is not None else x

    def _dropout_scale(self, tokens: jax.Array) -> jax.Array:
        """Return (B, L, 1): 0 at masked tokens, the same published scale at all others."""
        is_mask = tokens == self.config.mask_token_id
        n_tokens = (tokens != self.config.pad_token_id).sum(axis=1)
        masked_share = is_mask.sum(axis=1) / n_tokens
        kept_in_training = 1.0 - self.config.masking_ratio * self.config.masking_prob
        scale = kept_in_training / (1.0 - masked_share)
        return jnp.where(is_mask, 0.0, scale[:, None])[..., None]

    def close(self, x: jax.Array) -> jax.Array:
        return self.head.embedding_norm(x) if self.config.emb_layer_norm_after else x

    def logits(self, embedding: jax.Array) -> jax.Array:
        return self.head(embedding)


def build_trunk(architecture: dict, dtype=jnp.float32, *, rematerialise: bool = False) -> Trunk:
    """Return the trunk of a checkpoint's ``architecture``; ``dtype`` is the compute dtype.

    Raises:
        BasewiseError: an unknown or missing field of NucleotideTransformerConfig, named.
    """
    config = check_fields(NucleotideTransformerConfig, architecture["trunk"], "architecture/trunk")
    return Trunk(config, dtype, rematerialise)
