"""A whole binding model: a trunk, an adapter, and heads on the trunk alone.

Shapes: B examples, n bins, E channels of the trunk, j residues, P their channels, C length of a
context's vector.
"""

from dataclasses import dataclass

import haiku as hk
import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError, nearest
from basewise.models.binding.adapter import HEADS_NAMESPACE, Adapter
from basewise.models.binding.config import BindingConfig
from basewise.models.binding.heads import predict_heads
from basewise.models.binding.trunks import DnaTrunk, build_dna_trunk

FAMILY = "binding"


@dataclass(frozen=True)
class BindingModel:
    """The pure functions of one model; parameters are always an argument.

    They are ``{"edges", "layers"}`` of the trunk, ``{"adapter"}`` and, where the config has
    heads, ``{"heads"}``.
    """

    trunk: DnaTrunk
    adapter: Adapter

    @property
    def config(self) -> BindingConfig:
        """The adapter's options."""
        return self.adapter.config

    def init(self, rng: jax.Array) -> dict:
        """Return freshly drawn float32 parameters."""
        trunk_rng, adapter_rng, heads_rng = jax.random.split(rng, 3)
        params = {**self.trunk.init(trunk_rng), "adapter": self.adapter.init(adapter_rng)}
        if self.config.finetune_output_heads:
            embedding = jnp.zeros((1, 2, self.trunk.embed_dim))
            params["heads"] = self._heads(tuple(self.config.finetune_output_heads)).init(
                heads_rng, embedding
            )
        return params

    def apply(
        self,
        params: dict,
        inputs: jax.Array,
        protein: jax.Array,
        protein_mask: jax.Array | None = None,
        context: jax.Array | None = None,
        *,
        peaks_nr: jax.Array | None = None,
        rng: jax.Array | None = None,
        is_training: bool = False,
    ) -> dict[str, jax.Array]:
        """Return ``Adapter.apply``'s outputs of the trunk's inputs (``trunk.encode(bases)``)."""
        return self.adapter.apply(
            params["adapter"],
            self.trunk.embed(params, inputs),
            protein,
            protein_mask,
            context,
            peaks_nr=peaks_nr,
            rng=rng,
            is_training=is_training,
        )

    def predict_head(self, params: dict, inputs: jax.Array, name: str) -> jax.Array:
        """Return values (B, n, tracks), 0 or more, of one head on the trunk alone.

        Raises:
            BasewiseError: the model has no such head.
        """
        heads = self.config.finetune_output_heads
        if name not in heads:
            raise BasewiseError(
                "this model has no such head", found=repr(name), hint=nearest(name, heads)
            )
        embedding = self.trunk.embed(params, inputs)
        return self._heads((name,)).apply(params["heads"], embedding)[name]

    def _heads(self, names: tuple[str, ...]) -> hk.Transformed:
        sizes = {name: self.config.finetune_output_heads[name] for name in names}

        def run(embedding):
            with hk.name_scope(HEADS_NAMESPACE):
                return predict_heads(embedding, sizes, self.adapter.dtype)

        return hk.without_apply_rng(hk.transform(run))


def build_binding_model(
    architecture: dict, dtype=jnp.float32, *, rematerialise: bool = False
) -> BindingModel:
    """Return the model of a config.json's ``architecture``.

    Args:
        architecture: ``trunk`` (`build_dna_trunk`) and ``adapter`` (fields of BindingConfig).
        dtype: compute dtype of matrix products; norms, softmax and residuals are float32.
        rematerialise: as `build_dna_trunk`.

    Raises:
        BasewiseError: an unknown or missing field, named, or an adapter for a trunk of another
            width.
    """
    for part in ("trunk", "adapter"):
        if part not in architecture:
            raise BasewiseError(f"missing key architecture/{part}")
    trunk = build_dna_trunk(architecture["trunk"], dtype, rematerialise=rematerialise)
    config = BindingConfig.from_dict(architecture["adapter"])
    if config.trunk_dim != trunk.embed_dim:
        raise BasewiseError(
            f"architecture/adapter/trunk_dim should be {trunk.embed_dim}, the channels of this "
            f"{trunk.family} trunk's embedding",
            found=config.trunk_dim,
            hint="The adapter is of another trunk.",
        )
    return BindingModel(trunk, Adapter(config, dtype))
