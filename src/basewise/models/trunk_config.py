"""Sizes and switches of a Nucleotide Transformer, under their published names."""

from dataclasses import dataclass

from basewise.errors import BasewiseError
from basewise.models.activations import ACTIVATIONS


@dataclass(frozen=True)
class NucleotideTransformerConfig:
    """Sizes and switches of one trunk; the names are those of the published hyperparameters.

    Attributes:
        key_size: channels per head; None means embed_dim / attention_heads.
        positional_embedding: "learned" or None.
        rescaling_factor: context extension the rotary base was trained with; None for none.
        token_dropout: scale embeddings for the share of masked tokens, at inference too.
        lm_head: whether the vocabulary head has parameters (a model trained only to segment has
            none; the published ones all do).
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
        if self.ffn_activation_name not in ACTIVATIONS:
            raise BasewiseError(
                "unknown ffn_activation_name",
                found=repr(self.ffn_activation_name),
                hint=f"Known: {', '.join(sorted(ACTIVATIONS))}.",
            )

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
