"""The adapter: a trunk's embedding, a protein and a context to binding.

After lucidrains/tf-bind-transformer. Where that does not do what it says, this does: LayerNorm in
joint attention; log n subtracted once in pooling; means over residues in squeeze-excitation;
a plain linear layer where the hypergrid is switched off; all residues count where no mask is
given; one window with many proteins at any depth. Two of these have a switch for weights that
were trained otherwise (BindingConfig: legacy_…).

Shapes: B examples, n bins, E channels of the trunk, j residues, P their channels, C length of a
context's vector, H latent heads.
"""

from collections.abc import Callable
from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError
from basewise.models.binding import heads
from basewise.models.binding.conditioning import FiLM, HyperGrid, SqueezeExcite
from basewise.models.binding.config import BindingConfig
from basewise.models.binding.filip import LatentInteraction
from basewise.models.binding.joint_attention import JointBlock
from basewise.models.binding.layers import Linear, norm
from basewise.models.binding.self_attention import SelfAttentionBlock
from basewise.models.binding.summary import ProteinSummary

NAMESPACE, HEADS_NAMESPACE = "binding", "binding_heads"


@dataclass(frozen=True)
class Adapter:
    """The pure functions of one adapter; its parameters ``{module: {name: leaf}}`` are an argument.

    Examples broadcast: one window with B (protein, context) pairs, B windows with one, or B of
    each. Whatever has no context in it is computed once for a single window or protein.
    """

    config: BindingConfig
    dtype: type = jnp.float32

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters."""
        config = self.config
        context = None if config.context_dim is None else jnp.zeros((1, config.context_dim))
        embeddings = jnp.zeros((1, 2, config.trunk_dim))
        protein, mask = jnp.zeros((1, 2, config.protein_dim)), jnp.ones((1, 2), bool)
        peaks_nr = jnp.ones(1)
        return self._forward(False).init(rng, embeddings, protein, mask, context, peaks_nr)

    def apply(
        self,
        params: dict,
        embeddings: jax.Array,
        protein: jax.Array,
        protein_mask: jax.Array | None = None,
        context: jax.Array | None = None,
        *,
        peaks_nr: jax.Array | None = None,
        rng: jax.Array | None = None,
        is_training: bool = False,
    ) -> dict[str, jax.Array]:
        """Return what is predicted, all float32.

        Args:
            embeddings: of the trunk, float (B or 1, n, E).
            protein: embeddings of residues, float (B or 1, j, P).
            protein_mask: bool (B or 1, j), True for residues; None where all are.
            context: float (B or 1, C); None where the config conditions on nothing.
            peaks_nr: (B,) peaks of each example's experiment, 0 where unknown. Binary only.
            rng: key of the dropouts; the same key drops the same. Needed in training if the
                config has any.

        Returns:
            ``latent`` (B, n, H) after mixing, and ``logit`` (B,) or ``track`` (B, n), 0 or more;
            ``read_value`` (B,) where ``peaks_nr`` is given.

        Raises:
            BasewiseError: shapes that are not the config's or do not broadcast, a context that
                is missing, peaks_nr for a track.
        """
        self._check(embeddings, protein, protein_mask, context, peaks_nr)
        if is_training and self.config.dropout and rng is None:
            raise BasewiseError("training with dropout needs an rng")
        taps = self._forward(is_training).apply(
            params, rng, embeddings, protein, protein_mask, context, peaks_nr
        )
        return {name: taps[name] for name in OUTPUTS if name in taps}

    def inspect(
        self,
        params: dict,
        embeddings: jax.Array,
        protein: jax.Array,
        protein_mask: jax.Array | None = None,
        context: jax.Array | None = None,
        *,
        peaks_nr: jax.Array | None = None,
    ) -> dict[str, jax.Array]:
        """Return what people look at on the way, without dropout, and ``apply``'s outputs.

        Returns:
            ``interactions`` (B, H, n, 1 + j): similarity of every bin to the null token and to
            every residue; ``dna`` (B, n, E) and ``protein`` (B, j, P) after conditioning and
            after each joint block (``dna_0`` …), ``pooled`` (B, n, H) before mixing.
        """
        self._check(embeddings, protein, protein_mask, context, peaks_nr)
        forward = self._forward(False, keep_interactions=True)
        return forward.apply(params, None, embeddings, protein, protein_mask, context, peaks_nr)

    def interact(
        self,
        params: dict,
        embeddings: jax.Array,
        protein: jax.Array,
        protein_mask: jax.Array | None = None,
        context: jax.Array | None = None,
    ) -> jax.Array:
        """Return the pooled latents (B, n, H), before the context mixes them; without dropout.

        Without FiLM and squeeze-excitation they are the same in all contexts.
        """
        self._check(embeddings, protein, protein_mask, context, None, is_mixed=False)
        forward = self._forward(False, is_mixed=False)
        return forward.apply(params, None, embeddings, protein, protein_mask, context, None)[
            "pooled"
        ]

    def predict(
        self, params: dict, pooled: jax.Array, context: jax.Array | None = None
    ) -> dict[str, jax.Array]:
        """Return ``apply``'s outputs of ``interact``'s latents (B or 1, n, H) and contexts."""

        def run(pooled, context):
            taps = {"pooled": pooled}
            _mix_and_predict(self.config, self.dtype, taps, context, None)
            return taps

        taps = self._part(run)(params, pooled, context)
        return {name: taps[name] for name in OUTPUTS if name in taps}

    def read_bins(self, params: dict, embeddings: jax.Array) -> jax.Array:
        """Return the bins (B, n, width) before anything but DNA comes in; without dropout."""
        return self._part(lambda x: _read_bins(self.config, self.dtype, 0.0, x, {}))(
            params, embeddings
        )

    def read_proteins(
        self, params: dict, protein: jax.Array, mask: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Return residues (B, j, width), or protein tokens, before anything else comes in.

        And which of them count, bool (B, j); without dropout.
        """

        def run(c, mask):
            c = _read_residues(self.config, self.dtype, c)
            if self.config.protein_tokens is None:
                return c, mask
            c = ProteinSummary(self.config, self.dtype, 0.0)(c, mask)
            return c, jnp.ones(c.shape[:2], bool)

        return self._part(run)(params, protein, mask)

    def _part(self, run) -> Callable[..., jax.Array]:
        def named(*arguments):
            with hk.name_scope(NAMESPACE):
                return run(*arguments)

        return hk.without_apply_rng(hk.transform(named)).apply

    def _forward(self, is_training: bool, **switches) -> hk.Transformed:
        def run(*arguments):
            with hk.name_scope(NAMESPACE):
                return _run(self.config, self.dtype, is_training, *arguments, **switches)

        return hk.transform(run)

    def _check(
        self, embeddings, protein, protein_mask, context, peaks_nr, *, is_mixed: bool = True
    ) -> None:
        config = self.config
        needs_context = config.conditions_both_sides or (is_mixed and config.condition_hypergrid)
        if needs_context and context is None:
            raise BasewiseError("this adapter is conditioned on a context", found="none")
        if peaks_nr is not None and not config.binary_target:
            raise BasewiseError("only a binary adapter predicts read values; leave out peaks_nr")
        needed = {
            "embeddings": (embeddings, (None, None, config.trunk_dim), "trunk_dim"),
            "protein": (protein, (None, None, config.protein_dim), "protein_dim"),
            "protein_mask": (protein_mask, (None, protein.shape[1:2][0]), "protein"),
            "context": (context, (None, config.context_dim), "context_dim"),
            "peaks_nr": (peaks_nr, (None,), ""),
        }
        sizes = set()
        for name, (array, shape, origin) in needed.items():
            if array is None or (name == "context" and config.context_dim is None):
                continue
            is_right = array.ndim == len(shape) and all(
                size in (None, found) for size, found in zip(shape, array.shape, strict=True)
            )
            if not is_right:
                wanted = ", ".join("*" if size is None else str(size) for size in shape)
                raise BasewiseError(
                    f"{name} should have the shape ({wanted}) of the adapter's {origin}".rstrip(),
                    found=array.shape,
                )
            sizes.add(array.shape[0])
        if len(sizes - {1}) > 1:
            raise BasewiseError(
                "embeddings, protein, mask and context should be as many, or one",
                found=sorted(sizes),
            )


OUTPUTS = ("latent", "logit", "track", "read_value")


def _run(
    config: BindingConfig,
    dtype,
    is_training: bool,
    embeddings,
    protein,
    mask,
    context,
    peaks_nr,
    *,
    keep_interactions: bool = False,
    is_mixed: bool = True,
) -> dict[str, jax.Array]:
    """Return everything by name; what is not used is never computed once compiled."""
    dropout = config.dropout if is_training else 0.0
    taps = {}
    x = _read_bins(config, dtype, dropout, embeddings, taps)
    c = _read_residues(config, dtype, protein)
    if config.condition_squeeze_excite:
        inverted = config.legacy_inverted_squeeze_mask
        x = SqueezeExcite(dtype, inverted, name="cond_genetic")(x, context, None)
        c = SqueezeExcite(dtype, inverted, name="cond_protein")(c, context, mask)
    elif config.condition_film:
        x = FiLM(dtype, name="cond_genetic")(x, context, None)
        c = FiLM(dtype, name="cond_protein")(c, context, mask)
    if config.protein_tokens is not None:
        c, mask = ProteinSummary(config, dtype, dropout)(c, mask), None
    taps |= {"dna": x, "protein": c}
    for number in range(config.joint_cross_attn_depth):
        x, c = JointBlock(config, dtype, dropout, name=f"joint_cross_attn_{number}")(x, c, mask)
        taps |= {f"dna_{number}": x, f"protein_{number}": c}
    filip = LatentInteraction(config, dtype, dropout if config.protein_tokens is None else 0.0)
    taps["pooled"] = filip(x, c, mask)
    if keep_interactions:
        taps["interactions"] = filip(x, c, mask, pooled=False)
    if is_mixed:
        _mix_and_predict(config, dtype, taps, context, peaks_nr)
    return taps


def _read_bins(config: BindingConfig, dtype, dropout: float, embeddings, taps: dict) -> jax.Array:
    """Return the bins before anything but DNA comes in; adds what it passes to ``taps``."""
    x = embeddings.astype(jnp.float32)
    if config.trunk_width is not None:
        x = Linear(config.trunk_width, dtype=dtype, name="reduce_dna")(x)
    taps["normed"] = x = norm(x, "norm_seq_embed")
    for number in range(config.genome_self_attn_depth):
        x = SelfAttentionBlock(config, dtype, dropout, name=f"genome_self_attn_{number}")(x)
        taps[f"self_{number}"] = x
    return x


def _read_residues(config: BindingConfig, dtype, protein) -> jax.Array:
    c = protein.astype(jnp.float32)
    if config.protein_width is None:
        return c
    return Linear(config.protein_width, dtype=dtype, name="reduce_protein")(c)


def _mix_and_predict(config: BindingConfig, dtype, taps: dict, context, peaks_nr) -> None:
    """Add what follows of ``pooled``."""
    y = taps["pooled"]
    if config.condition_hypergrid:
        y = HyperGrid(dtype)(y, context)
    else:
        y = Linear(config.latent_heads, dtype=dtype, name="linear_to_logits")(y)
    taps["latent"] = y
    if not config.binary_target:
        taps["track"] = heads.predict_track(y, dtype)
        return
    taps["logit"] = heads.predict_logit(y, dtype)
    if peaks_nr is not None:
        taps["read_value"] = heads.ReadValue(config.fourier_dims, dtype)(y, peaks_nr)
