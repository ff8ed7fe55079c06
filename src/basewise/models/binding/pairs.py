"""Many (protein, context) pairs on the same windows: the trunk runs once, pairs share the rest.

Without FiLM and squeeze-excitation a protein meets a window once whatever its contexts, which
only mix its latents; a further context costs next to nothing. What pairs share and what not:

    option                              computed per
    trunk, norm, genome self-attention  window
    first joint block's projections     window and protein, each alone
    first joint block, latents          window and protein; halved by `fold` at joint depth 1
    FiLM or squeeze-excitation          from there on window and pair
    hypergrid, prediction               window and pair

Shapes: W windows, n bins, E channels of the trunk, T proteins of up to j residues with P
channels, C contexts with vectors of length Z, K pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.binding.adapter import Adapter
from basewise.models.binding.fold import (
    Folded,
    can_fold,
    fold_weights,
    meet_proteins,
    open_window,
)


@dataclass(frozen=True)
class PairPredictor:
    """Prediction of many pairs by one adapter; without dropout.

    Attributes:
        at_once: proteins (or pairs, where contexts come first) computed together: memory against
            speed. The result does not depend on it.
    """

    adapter: Adapter
    at_once: int = 8

    def fold(self, params: Mapping) -> Folded | None:
        """Return products of the adapter's weights to hand to ``predict``, or None of no use.

        Make them once per checkpoint.
        """
        return fold_weights(params) if can_fold(self.adapter.config) else None

    def predict(
        self,
        params: Mapping,
        folded: Folded | None,
        embeddings: jax.Array,
        proteins: jax.Array,
        mask: jax.Array,
        contexts: jax.Array | None,
        pairs: jax.Array,
    ) -> jax.Array:
        """Return float32 tracks (W, K, n), or logits (W, K) of a binary adapter.

        Args:
            params: of the adapter.
            folded: of ``fold``; None goes the long way.
            embeddings: float (W, n, E). proteins: float (T, j, P); mask: bool (T, j).
            contexts: float (C, Z), or None where the adapter conditions on nothing.
            pairs: int (K, 2), the numbers of a protein and a context (0 without contexts).

        Raises:
            BasewiseError: the adapter needs contexts and there are none.
        """
        config = self.adapter.config
        if contexts is None and (config.condition_hypergrid or config.conditions_both_sides):
            raise BasewiseError("this adapter is conditioned on a context", found="none")
        run = self._per_pair if config.conditions_both_sides else self._per_protein
        of_pairs = jax.tree.map(jnp.asarray, (proteins, mask, contexts, pairs))
        return jax.lax.map(
            lambda window: run(params, folded, window[None], *of_pairs), jnp.asarray(embeddings)
        )

    def _per_protein(self, params, folded, window, proteins, mask, contexts, pairs):
        if folded is None:

            def meet(operand):
                protein, mask = (array[None] for array in operand)
                return self.adapter.interact(params, window, protein, mask)[0]

            pooled = jax.lax.map(meet, (proteins, mask), batch_size=self.at_once)
        else:
            pooled = self._meet_folded(params, folded, window, proteins, mask)

        def predict(pair):
            context = None if contexts is None else contexts[pair[1]][None]
            return self._output(self.adapter.predict(params, pooled[pair[0]][None], context))

        return jax.lax.map(predict, pairs, batch_size=4 * self.at_once)

    def _meet_folded(self, params, folded, window, proteins, mask):
        config, dtype = self.adapter.config, self.adapter.dtype
        bins = self.adapter.read_bins(params, window)
        opened = open_window(config, params, folded, bins, dtype)

        def meet(operand):
            protein, mask = (array[None] for array in operand)
            protein = self.adapter.read_residues(params, protein)
            return meet_proteins(config, params, folded, opened, protein, mask, dtype)[0]

        return jax.lax.map(meet, (proteins, mask), batch_size=self.at_once)

    def _per_pair(self, params, folded, window, proteins, mask, contexts, pairs):
        del folded

        def predict(pair):
            protein, context = pair[0], contexts[pair[1]][None]
            outputs = self.adapter.apply(
                params, window, proteins[protein][None], mask[protein][None], context
            )
            return self._output(outputs)

        return jax.lax.map(predict, pairs, batch_size=self.at_once)

    def _output(self, outputs: dict[str, jax.Array]) -> jax.Array:
        return outputs["logit" if self.adapter.config.binary_target else "track"][0]
