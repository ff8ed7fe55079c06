"""The one type that every DNA language model is a value of, seen from outside."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError, nearest
from basewise.models.nucleotide_transformer import Trunk, build_trunk
from basewise.tokenizers import TOKENIZERS, Tokenizer

SIZES_PER_OCTAVE = 4
SMALLEST_SIZE = 9


@dataclass(frozen=True)
class LanguageModel:
    """Token ids in, what people look at out.

    Shapes: B sequences, L tokens with CLS first and pads last, D embedding, V vocabulary rows,
    P positions.

    Attributes:
        max_tokens: tokens (CLS included) that no sequence can exceed; None where any length runs.
        context_tokens: tokens (CLS included) of the longest sequence it was trained on.
        n_logits: V, rows of its vocabulary head; 0 without one.
        positions_depend_on_length: whether sequences longer than ``context_tokens`` have their
            positions rescaled by their length, so that they cannot be padded.
        init: rng -> parameter tree.
        inspect: (params, tokens (B, L), layers=, attention=, logits=, is_padded=) -> arrays by
            name, as ``Trunk.inspect``.
        score_masked: (params, tokens (B, L), positions (B, P), is_padded=) -> float32 (B, P), the
            natural log of the probability of each token at ``positions``, all of which the model
            sees masked.
    """

    tokenizer: Tokenizer
    n_layers: int
    n_heads: int
    embed_dim: int
    max_tokens: int | None
    context_tokens: int
    n_logits: int
    positions_depend_on_length: bool
    init: Callable[[jax.Array], dict]
    inspect: Callable[..., dict[str, jax.Array]]
    score_masked: Callable[..., jax.Array]

    @property
    def max_bp(self) -> int:
        """Bases of the longest sequence without N it was trained on."""
        return (self.context_tokens - 1) * self.tokenizer.k

    def padded_size(self, n_tokens: int) -> int:
        """Return the tokens a sequence is padded to: few different sizes, at most 25 % more.

        What no size may exceed (``max_tokens``, a rescaled context) is met exactly.
        """
        if self.positions_depend_on_length and n_tokens > self.context_tokens:
            return n_tokens
        size = round_up(n_tokens)
        limits = [self.max_tokens or size]
        if self.positions_depend_on_length:
            limits.append(self.context_tokens)
        return min(size, *limits) if n_tokens <= min(limits) else size


def round_up(n_tokens: int) -> int:
    """Return the next of few sizes, at most 25 % more."""
    octave = 1 << (max(n_tokens, SMALLEST_SIZE) - 1).bit_length() - 1
    step = octave // SIZES_PER_OCTAVE
    return -(-n_tokens // step) * step


def build_language_model(architecture: dict, dtype=jnp.float32) -> LanguageModel:
    """Return the language model of a checkpoint's ``architecture``, or the one that is its trunk.

    Args:
        architecture: ``trunk`` (fields of NucleotideTransformerConfig) and ``tokenizer``.
        dtype: compute dtype of matrix products.

    Raises:
        BasewiseError: an unknown field or tokenizer, named, or a vocabulary whose ids reach past
            the rows of the embedding.
    """
    trunk = build_trunk(architecture, dtype)
    name = architecture["tokenizer"]
    if name not in TOKENIZERS:
        raise BasewiseError(
            "unknown architecture/tokenizer in config.json",
            found=repr(name),
            hint=nearest(name, TOKENIZERS),
        )
    tokenizer, config = TOKENIZERS[name], trunk.config
    if tokenizer.embedding_rows > config.alphabet_size:
        raise BasewiseError(
            f"tokenizer {name} gives ids up to {tokenizer.embedding_rows - 1}, and this model's "
            "embedding has no rows for them",
            found=f"alphabet_size {config.alphabet_size} in config.json",
            hint="The tokenizer is another model's.",
        )
    return LanguageModel(
        tokenizer=tokenizer,
        n_layers=config.num_layers,
        n_heads=config.attention_heads,
        embed_dim=config.embed_dim,
        max_tokens=config.max_positions if config.positional_embedding == "learned" else None,
        context_tokens=config.context_tokens,
        n_logits=config.alphabet_size if config.lm_head else 0,
        positions_depend_on_length=config.rescaling_factor is not None,
        init=trunk.init,
        inspect=trunk.inspect,
        score_masked=_score_masked(trunk),
    )


def _score_masked(trunk: Trunk) -> Callable[..., jax.Array]:
    def score(params, tokens, positions, *, is_padded=True):
        true = jnp.take_along_axis(tokens, positions, axis=1)
        rows = jnp.arange(tokens.shape[0])[:, None]
        masked = tokens.at[rows, positions].set(trunk.config.mask_token_id)
        embedding = trunk.embed(params, masked, is_padded=is_padded)
        picked = jnp.take_along_axis(embedding, positions[..., None], axis=1)
        logits = trunk.predict_tokens(params, picked)
        log_probs = jax.nn.log_softmax(logits, axis=-1)
        return jnp.take_along_axis(log_probs, true[..., None], axis=-1)[..., 0]

    return score
