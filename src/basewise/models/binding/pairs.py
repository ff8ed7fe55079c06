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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.binding.adapter import Adapter
from basewise.models.binding.fold import (
    Folded,
    can_fold,
    compare,
    fold_weights,
    meet_proteins,
    open_proteins,
    open_window,
    read_bin_latents,
    read_latents,
)

BINS_AT_ONCE = 1024  # of several windows, where windows are small


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

    def prepare(
        self, params: Mapping, buckets: Sequence[tuple[jax.Array, jax.Array]]
    ) -> list[dict[str, jax.Array]]:
        """Return what of proteins no window changes, to hand to ``predict_prepared``.

        Args:
            buckets: proteins float (T, j, P) and mask bool (T, j), those of like lengths together.
        """
        config, dtype = self.adapter.config, self.adapter.dtype
        if config.conditions_both_sides and len(buckets) > 1:
            raise BasewiseError("where contexts come first, proteins are in one bucket")
        made = []
        for proteins, mask in buckets:
            if not (self._is_straight or can_fold(config)):
                made.append({"residues": proteins, "mask": mask})
                continue
            residues, mask = self.adapter.read_proteins(params, proteins, mask)
            if self._is_straight:
                latents = read_latents(config, params, residues, dtype)
                made.append({"latents": latents, "mask": mask})
            else:
                key, value = open_proteins(config, params, residues, dtype)
                made.append({"residues": residues, "mask": mask, "key": key, "value": value})
        return made

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
            folded: of ``fold``; None makes it.
            embeddings: float (W, n, E). proteins: float (T, j, P); mask: bool (T, j).
            contexts: float (C, Z), or None where the adapter conditions on nothing.
            pairs: int (K, 2), the numbers of a protein and a context (0 without contexts).

        Raises:
            BasewiseError: the adapter needs contexts and there are none.
        """
        made = self.prepare(params, [(jnp.asarray(proteins), jnp.asarray(mask))])
        folded = self.fold(params) if folded is None else folded
        return self.predict_prepared(params, folded, embeddings, made, contexts, pairs)

    def predict_prepared(
        self,
        params: Mapping,
        folded: Folded | Mapping | None,
        embeddings: jax.Array,
        made: Sequence[Mapping[str, jax.Array]],
        contexts: jax.Array | None,
        pairs: jax.Array,
    ) -> jax.Array:
        """Return the same of what ``prepare`` made; proteins are counted over all buckets."""
        config = self.adapter.config
        if contexts is None and (config.condition_hypergrid or config.conditions_both_sides):
            raise BasewiseError("this adapter is conditioned on a context", found="none")
        if isinstance(folded, Mapping):
            folded = Folded(**folded)
        contexts, pairs = (None if a is None else jnp.asarray(a) for a in (contexts, pairs))
        run = self._per_pair if config.conditions_both_sides else self._per_protein
        return jax.lax.map(
            lambda window: run(params, folded, window[None], made, contexts, pairs),
            jnp.asarray(embeddings),
            batch_size=max(BINS_AT_ONCE // embeddings.shape[1], 1),
        )

    def _per_protein(self, params, folded, window, made, contexts, pairs):
        if self._is_straight:
            meet = self._meet_straight(params, window)
        elif can_fold(self.adapter.config):
            meet = self._meet_folded(params, folded, window)
        else:
            meet = self._meet(params, window)
        pooled = jnp.concatenate(
            [jax.lax.map(meet, bucket, batch_size=self.at_once) for bucket in made]
        )

        def predict(pair):
            context = None if contexts is None else contexts[pair[1]][None]
            return self._output(self.adapter.predict(params, pooled[pair[0]][None], context))

        return jax.lax.map(predict, pairs, batch_size=4 * self.at_once)

    def _meet(self, params, window):
        """A function of one protein: its pooled latents (n, H) with a window (1, n, E)."""

        def meet(protein):
            return self.adapter.interact(
                params, window, protein["residues"][None], protein["mask"][None]
            )[0]

        return meet

    def _meet_straight(self, params, window):
        """The same where bins and residues have not seen each other."""
        config, dtype = self.adapter.config, self.adapter.dtype
        bins = read_bin_latents(config, params, self.adapter.read_bins(params, window), dtype)

        def meet(protein):
            residues, mask = protein["latents"][None], protein["mask"][None]
            return compare(config, params, bins, residues, mask, dtype)[0]

        return meet

    def _meet_folded(self, params, folded, window):
        """The same by products of weights."""
        config, dtype = self.adapter.config, self.adapter.dtype
        opened = open_window(config, params, folded, self.adapter.read_bins(params, window), dtype)

        def meet(protein):
            names = ("residues", "mask", "key", "value")
            told = (protein[name][None] for name in names)
            return meet_proteins(config, params, folded, opened, *told, dtype)[0]

        return meet

    def _per_pair(self, params, folded, window, made, contexts, pairs):
        del folded
        proteins, mask = (made[0][name] for name in ("residues", "mask"))

        def predict(pair):
            protein, context = pair[0], contexts[pair[1]][None]
            outputs = self.adapter.apply(
                params, window, proteins[protein][None], mask[protein][None], context
            )
            return self._output(outputs)

        return jax.lax.map(predict, pairs, batch_size=self.at_once)

    @property
    def _is_straight(self) -> bool:
        """Whether no joint block comes before bins and residues are compared."""
        config = self.adapter.config
        return config.joint_cross_attn_depth == 0 and not config.conditions_both_sides

    def _output(self, outputs: dict[str, jax.Array]) -> jax.Array:
        return outputs["logit" if self.adapter.config.binary_target else "track"][0]
