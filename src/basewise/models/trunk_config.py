"""Sizes and switches of a transformer encoder, under the Nucleotide Transformer's published names.

ESM, BERT and ALBERT are values of it too: the same blocks, before or after their norms.
No JAX here.
"""

from dataclasses import dataclass

from basewise.errors import BasewiseError

ACTIVATION_NAMES = ("gelu-no-approx", "gelu", "relu", "swish", "silu", "sin")


@dataclass(frozen=True)
class NucleotideTransformerConfig:
    """Sizes and switches of one trunk; the names are those of the published hyperparameters.

    Attributes:
        key_size: channels per head; None means embed_dim / attention_heads.
        positional_embedding: "learned" (a row per token, pads not counted), "absolute" (a row per
            place, pads counted, as BERT has it) or None.
        rescaling_factor: context extension the rotary base was trained with; None for none.
        token_dropout: scale embeddings for the share of masked tokens, at inference too.
        lm_head: whether the vocabulary head has parameters (a model trained only to segment has
            none; the published ones all do).
        token_types: rows of a table of which every token gets the first (BERT's segments).
        factorised_dim: width of the embedding tables, which a linear layer widens to embed_dim
            (ALBERT); None for embed_dim itself.
        shared_layers: all num_layers are one and the same layer (ALBERT).
        emb_layer_norm_after: whether a norm closes the trunk; where norms come after the blocks'
            sums none need.
    """

    alphabet_size: int
    embed_dim: int
    attention_heads: int
    ffn_embed_dim: int
    num_layers: int
    max_positions: int
    pad_token_id: int = 1
    mask_token_id: int = 2
    key_size: int | None = None
    positional_embedding: str | None = "learned"
    use_rotary_embedding: bool = False
    rescaling_factor: float | None = None
    add_bias_ffn: bool = True
    use_glu_in_ffn: bool = False
    ffn_activation_name: str = "gelu-no-approx"
    add_bias_kv: bool = False
    pre_layer_norm: bool = True
    emb_layer_norm_before: bool = False
    embed_scale: float = 1.0
    token_dropout: bool = False
    masking_ratio: float = 0.1
    masking_prob: float = 0.8
    layer_norm_eps: float = 1e-5
    lm_head: bool = True
    token_types: int = 0
    factorised_dim: int | None = None
    shared_layers: bool = False
    emb_layer_norm_after: bool = True

    def __post_init__(self):
        if self.key_size is None:
            if self.embed_dim % self.attention_heads:
                raise BasewiseError(
                    "embed_dim must be a multiple of attention_heads when key_size is not given",
                    found=f"embed_dim={self.embed_dim}, attention_heads={self.attention_heads}",
                )
            object.__setattr__(self, "key_size", self.embed_dim // self.attention_heads)
        if self.use_rotary_embedding and self.key_size % 2:
            raise BasewiseError("rotary positions need an even key_size", found=self.key_size)
        if self.ffn_activation_name not in ACTIVATION_NAMES:
            raise BasewiseError(
                "unknown ffn_activation_name",
                found=repr(self.ffn_activation_name),
                hint=f"Known: {', '.join(sorted(ACTIVATION_NAMES))}.",
            )

        if self.positional_embedding not in (None, "learned", "absolute"):
            raise BasewiseError(
                "unknown positional_embedding",
                found=repr(self.positional_embedding),
                hint="Known: learned, absolute, null.",
            )

    @property
    def table_dim(self) -> int:
        """Width of the embedding tables."""
        return self.factorised_dim or self.embed_dim

    @property
    def stored_layers(self) -> int:
        """Layers that have parameters of their own."""
        return 1 if self.shared_layers else self.num_layers

    @property
    def context_tokens(self) -> int:
        """Tokens of the longest sequence it was trained on (CLS counted)."""
        if self.rescaling_factor is None:
            return self.max_positions
        return round(self.rescaling_factor * self.max_positions) + 1

    def rotary_scale(self, n_tokens: int) -> float | None:
        """Return the context extension for sequences of ``n_tokens`` (CLS counted).

        The trained factor holds up to the trained length; beyond it the factor grows with the
        sequence (SegmentNT: 5,001 tokens, 30 kb).
        """
        if self.rescaling_factor is None:
            return None
        if n_tokens <= self.context_tokens:
            return self.rescaling_factor
        return n_tokens / self.max_positions
