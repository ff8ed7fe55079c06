"""Sizes of the trunks that read one-hot bases, under their published names."""

from dataclasses import dataclass

from basewise.errors import BasewiseError

GAMMA_NORM_AXES = ("features", "positions")
NO_CROP = -1


@dataclass(frozen=True)
class EnformerConfig:
    """Sizes of an Enformer trunk.

    Attributes:
        target_length: bins that the branch behind the transformer keeps; -1 for all.
        attention_dim_key: channels per head of queries and keys.
        num_downsamples: poolings by 2 before the transformer.
        dim_divisible_by: the widths of the tower are rounded to multiples of this.
        gamma_norm_axis: what the gamma features are divided by: their maximum over the "features"
            of each distance, or over the "positions" of each feature. It belongs to the weights.
        final_pointwise: whether the branch behind the transformer (crop, wider embedding) has
            parameters; segmentation does not need it.
        species_heads: whether that branch ends in the published heads of human and mouse.
    """

    embed_dim: int
    num_transformer_layers: int
    num_attention_heads: int
    target_length: int = 896
    attention_dim_key: int = 64
    num_downsamples: int = 7
    dim_divisible_by: int = 128
    gamma_norm_axis: str = "features"
    final_pointwise: bool = False
    species_heads: bool = False
    num_human_output_heads: int = 5313
    num_mouse_output_heads: int = 1643

    def __post_init__(self):
        _check_sizes(self, least_downsamples=3)
        if self.value_size % 6:
            raise BasewiseError(
                "embed_dim / num_attention_heads must be a multiple of 6, the number of kinds of "
                "positional features",
                found=self.value_size,
            )
        if self.gamma_norm_axis not in GAMMA_NORM_AXES:
            raise BasewiseError(
                "unknown gamma_norm_axis",
                found=repr(self.gamma_norm_axis),
                hint=f"Known: {', '.join(GAMMA_NORM_AXES)}.",
            )
        if self.species_heads and not self.final_pointwise:
            raise BasewiseError("species_heads read what final_pointwise makes: switch on both")

    @property
    def value_size(self) -> int:
        """Channels per head of values, and the number of positional features."""
        return self.embed_dim // self.num_attention_heads

    @property
    def bp_per_bin(self) -> int:
        """bp per bin of the transformer."""
        return 2**self.num_downsamples

    def tower_widths(self) -> tuple[int, ...]:
        """Return the channels before and after each stage of the convolution tower."""
        half = self.embed_dim // 2
        n_stages = self.num_downsamples - 1
        return (half, *spread_widths(half, self.embed_dim, n_stages, self.dim_divisible_by))


@dataclass(frozen=True)
class BorzoiConfig:
    """Sizes of a Borzoi trunk.

    Attributes:
        int_embed_dim: channels of the stem.
        res_tower_embed_dim_init: channels of the tower's first stage.
        target_length: bins kept of the centre, after upsampling.
        attention_dim_key: channels per head of queries and keys.
        num_rel_pos_features: positional features, half of them signed.
        num_downsamples: poolings by 2 before the transformer.
        num_unet_conv: upsamplings by 2 behind it.
        final_conv_block_embed_dim: channels of the embedding.
        separable_channels: channels after each upsampling; published weights have 1536 whatever
            the embed_dim.
        species_heads: whether the trunk ends in the published human head.
    """

    int_embed_dim: int
    res_tower_embed_dim_init: int
    embed_dim: int
    num_transformer_layers: int
    num_attention_heads: int
    target_length: int = 6144
    attention_dim_key: int = 64
    num_rel_pos_features: int = 32
    num_downsamples: int = 7
    dim_divisible_by: int = 32
    num_unet_conv: int = 2
    final_conv_block_embed_dim: int = 1920
    separable_channels: int = 1536
    species_heads: bool = False
    num_human_output_heads: int = 7611

    def __post_init__(self):
        _check_sizes(self, least_downsamples=max(3, self.num_unet_conv + 1))
        if self.target_length % 2:
            raise BasewiseError(
                "target_length must be even: it is the centre of an even number of bins",
                found=self.target_length,
            )
        if self.num_rel_pos_features % 2:
            raise BasewiseError(
                "num_rel_pos_features must be even: half of them are signed",
                found=self.num_rel_pos_features,
            )

    @property
    def value_size(self) -> int:
        """Channels per head of values."""
        return self.embed_dim // self.num_attention_heads

    @property
    def bp_per_bin(self) -> int:
        """bp per bin of the transformer."""
        return 2**self.num_downsamples

    @property
    def bp_per_target_bin(self) -> int:
        """bp per bin of the embedding."""
        return self.bp_per_bin // 2**self.num_unet_conv

    def tower_widths(self) -> tuple[int, ...]:
        """Return the channels before and after each stage of the convolution tower."""
        first, last = self.res_tower_embed_dim_init, self.embed_dim
        n_stages = self.num_downsamples - 1
        return (self.int_embed_dim, *spread_widths(first, last, n_stages, self.dim_divisible_by))


def spread_widths(first: int, last: int, count: int, divisible_by: int) -> list[int]:
    """Return ``count`` widths from first to last in equal ratios, rounded as published."""
    base = (last / first) ** (1 / (count - 1))
    widths = [first * base**step / divisible_by for step in range(count)]
    return [round(width) * divisible_by for width in widths]


def cropped_length(length: int, target_length: int) -> int:
    """Return how many of ``length`` bins a crop to the centre keeps.

    Raises:
        BasewiseError: there are fewer bins than ``target_length``.
    """
    if target_length == NO_CROP:
        return length
    if length < target_length:
        raise BasewiseError(f"target_length keeps {target_length} bins", found=f"{length} bins")
    return target_length - (length - target_length) % 2


def _check_sizes(config, *, least_downsamples: int) -> None:
    if config.num_downsamples < least_downsamples:
        raise BasewiseError(
            f"num_downsamples must be at least {least_downsamples}", found=config.num_downsamples
        )
    if config.embed_dim % config.num_attention_heads:
        raise BasewiseError(
            "embed_dim must be a multiple of num_attention_heads",
            found=f"embed_dim={config.embed_dim}, num_attention_heads={config.num_attention_heads}",
        )
