"""A protein in a few tokens: learned queries look over its residues.

What a protein is to all windows is computed once per protein, and a pair costs what its few tokens
cost. Encoders whose residues know little of the whole chain gain from it: a token can say which
protein it is. After the seeds of Lee et al. 2019 (Set Transformer), arXiv:1810.00825.

Shapes: B proteins, j residues, P their channels, k tokens, H heads.
"""

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.models.binding.config import BindingConfig
from basewise.models.binding.joint_attention import MASKED
from basewise.models.binding.layers import FeedForward, Linear, exact_gelu, matmul, norm


class ProteinSummary(hk.Module):
    """``protein_tokens`` tokens of a protein's residues, whatever their number and order."""

    def __init__(self, config: BindingConfig, dtype, dropout: float, name: str = "summary"):
        super().__init__(name=name)
        self.config, self.dtype, self.dropout = config, dtype, dropout

    def __call__(self, c: jax.Array, mask: jax.Array | None) -> jax.Array:
        """Return float32 (B, k, P) of residues (B, j, P) and their mask (B, j).

        In training each residue is dropped with probability ``dropout``. Of no residue at all
        tokens are finite.
        """
        tokens, heads = self.config.protein_tokens, self.config.attention_heads
        width, multiple = c.shape[-1], self.config.feed_forward_mult
        if mask is None:
            mask = jnp.ones(c.shape[:2], bool)
        if self.dropout:
            kept = jax.random.bernoulli(hk.next_rng_key(), 1.0 - self.dropout, mask.shape)
            mask = mask & kept
        hidden = Linear(multiple * width, dtype=self.dtype, name="widen")(norm(c, "norm"))
        hidden = exact_gelu(hidden)
        scores = Linear(tokens * heads, dtype=self.dtype, name="to_scores")(hidden)
        weights = jax.nn.softmax(jnp.where(mask[..., None], scores, MASKED), axis=1)
        weights = weights.reshape(*mask.shape, tokens, heads).transpose(0, 3, 2, 1)
        values = hidden.reshape(*mask.shape, heads, -1).transpose(0, 2, 1, 3)
        seen = matmul(weights, values, self.dtype).transpose(0, 2, 1, 3)
        x = Linear(width, dtype=self.dtype, name="to_out")(seen.reshape(*seen.shape[:2], -1))
        init = hk.initializers.RandomNormal()
        x = x + hk.get_parameter("tokens", (tokens, width), jnp.float32, init)
        return x + FeedForward(multiple, self.dtype, self.dropout, name="ff")(x)
