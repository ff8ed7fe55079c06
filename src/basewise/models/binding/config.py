"""The options of the adapter, under the names of the published implementation."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from basewise.errors import BasewiseError
from basewise.fields import check_fields

POSITIVE = (
    "trunk_dim",
    "protein_dim",
    "latent_dim",
    "latent_heads",
    "fourier_dims",
    "attention_heads",
    "attention_dim_head",
    "feed_forward_mult",
)


@dataclass(frozen=True)
class BindingConfig:
    """What an adapter is made of.

    Which encoders make the embeddings of proteins and contexts is not the adapter's business.

    Attributes:
        trunk_dim: E, channels of the trunk's embedding.
        protein_dim: P, channels of a residue's embedding.
        context_dim: C, length of a context's vector; None where nothing is conditioned on it.
        latent_dim, latent_heads: channels of each of the latent heads in which bins and residues
            are compared.
        dropout: of attention weights, feed-forwards, and whole residues, in training.
        binary_target: one logit per window; otherwise one value per bin (track).
        target_mse_loss: binary only: squared error of the raw logit instead of cross-entropy.
        aux_read_value_loss: binary only: also predict the read value of the peak.
        read_value_aux_loss_weight: what that loss is multiplied with.
        fourier_dims: features of the number of peaks in it.
        joint_cross_attn_depth: blocks in which bins and residues attend to each other.
        genome_self_attn_depth: blocks in which bins attend to each other before.
        condition_squeeze_excite: gate the channels of both sides by context and mean.
        condition_film: scale and shift the channels of both sides by the context.
        condition_hypergrid: mix the latent heads by weights that the context gates.
        use_corr_coef_loss: track only: 1 - Pearson instead of Poisson.
        finetune_output_heads: name -> tracks of heads on the trunk alone; track only.
        attention_heads, attention_dim_head, feed_forward_mult: of all blocks; the published
            implementation has them fixed.
        trunk_width, protein_width: project either side to fewer channels first; None leaves it
            out. Not published. Most of the cost of a pair grows with the square of these.
        protein_tokens: see so many learned summaries of a protein instead of its residues; None
            sees the residues. Not published. Makes pairs cheap, and lets encoders whose residues
            know little of their chain say which protein it is.
        legacy_double_log_n: subtract log n twice in pooling, as weights of before logavgexp
            0.0.7 saw it.
        legacy_inverted_squeeze_mask: average the padding instead of the residues in
            squeeze-excitation, as all published weights saw it.
    """

    trunk_dim: int
    protein_dim: int
    context_dim: int | None = None
    latent_dim: int = 64
    latent_heads: int = 32
    dropout: float = 0.0
    binary_target: bool = False
    target_mse_loss: bool = False
    aux_read_value_loss: bool = False
    read_value_aux_loss_weight: float = 0.05
    fourier_dims: int = 256
    joint_cross_attn_depth: int = 1
    genome_self_attn_depth: int = 0
    condition_squeeze_excite: bool = False
    condition_film: bool = False
    condition_hypergrid: bool = True
    use_corr_coef_loss: bool = False
    finetune_output_heads: Mapping[str, int] = field(default_factory=dict)
    attention_heads: int = 8
    attention_dim_head: int = 64
    feed_forward_mult: int = 4
    trunk_width: int | None = None
    protein_width: int | None = None
    protein_tokens: int | None = None
    legacy_double_log_n: bool = False
    legacy_inverted_squeeze_mask: bool = False

    def __post_init__(self):
        self._check_sizes()
        self._check_modes()

    def _check_sizes(self):
        widths = ("context_dim", "trunk_width", "protein_width", "protein_tokens")
        given = [name for name in widths if getattr(self, name) is not None]
        for name in (*POSITIVE, *given):
            if not _is_whole(getattr(self, name)) or getattr(self, name) < 1:
                raise BasewiseError(
                    f"binding/{name} must be a positive integer", found=repr(getattr(self, name))
                )
        for name in ("joint_cross_attn_depth", "genome_self_attn_depth"):
            if not _is_whole(getattr(self, name)) or getattr(self, name) < 0:
                raise BasewiseError(
                    f"binding/{name} must be 0 or more", found=repr(getattr(self, name))
                )
        if not 0.0 <= self.dropout < 1.0:
            raise BasewiseError("binding/dropout must be in [0, 1)", found=self.dropout)
        if self.fourier_dims % 2:
            raise BasewiseError(
                "binding/fourier_dims must be even: half of them are sines",
                found=self.fourier_dims,
            )
        for name, n_tracks in self.finetune_output_heads.items():
            is_name = isinstance(name, str) and name.isidentifier()
            if not is_name or not _is_whole(n_tracks) or n_tracks < 1:
                raise BasewiseError(
                    "binding/finetune_output_heads must be names with their numbers of tracks",
                    found=f"{name!r}: {n_tracks!r}",
                )

    def _check_modes(self):
        if self.condition_film and self.condition_squeeze_excite:
            raise BasewiseError(
                "binding/condition_film and binding/condition_squeeze_excite exclude each other",
                hint="The published implementation drops FiLM silently; choose one.",
            )
        conditioned = [
            name
            for name in ("condition_squeeze_excite", "condition_film", "condition_hypergrid")
            if getattr(self, name)
        ]
        if conditioned and self.context_dim is None:
            raise BasewiseError(
                f"binding/{conditioned[0]} needs binding/context_dim, the length of a context's "
                "vector",
                found="none",
                hint="Give it, or switch all conditioning off.",
            )
        needed = {
            "target_mse_loss": True,
            "aux_read_value_loss": True,
            "use_corr_coef_loss": False,
            "finetune_output_heads": False,
        }
        for name, is_binary in needed.items():
            if getattr(self, name) and self.binary_target is not is_binary:
                raise BasewiseError(
                    f"binding/{name} needs binding/binary_target to be {str(is_binary).lower()}"
                )

        if self.protein_tokens and (self.feed_forward_mult * self.residue_channels) % (
            self.attention_heads
        ):
            raise BasewiseError(
                "binding/attention_heads must divide feed_forward_mult times the protein's "
                "channels where there are protein_tokens",
                found=f"{self.attention_heads} heads, {self.residue_channels} channels",
            )

    @property
    def conditions_both_sides(self) -> bool:
        """Whether the context changes bins and residues before they meet."""
        return self.condition_film or self.condition_squeeze_excite

    @property
    def dna_channels(self) -> int:
        """Channels of the bins in all blocks."""
        return self.trunk_width or self.trunk_dim

    @property
    def residue_channels(self) -> int:
        """Channels of the residues in all blocks."""
        return self.protein_width or self.protein_dim

    def to_dict(self) -> dict:
        """Return plain values, as they stand in a config.json."""
        values = dataclasses.asdict(self)
        return values | {"finetune_output_heads": dict(self.finetune_output_heads)}

    @classmethod
    def from_dict(cls, values: dict, where: str = "architecture/adapter") -> "BindingConfig":
        """Return the config of plain values.

        Raises:
            BasewiseError: an unknown or missing option, named below ``where``, or options that
                do not go together.
        """
        return check_fields(cls, values, where)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
