"""Trunks that read one-hot bases: what they refuse, what N is, what more layers cost to compile."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.borzoi import Borzoi
from basewise.models.enformer import Enformer, crop
from basewise.models.one_hot_config import BorzoiConfig, EnformerConfig, spread_widths
from basewise.tokenizers import one_hot, one_hot_codes

ENFORMER = {
    "embed_dim": 12,
    "num_transformer_layers": 1,
    "num_attention_heads": 2,
    "attention_dim_key": 4,
    "num_downsamples": 3,
    "dim_divisible_by": 2,
}
BORZOI = {
    "int_embed_dim": 6,
    "res_tower_embed_dim_init": 8,
    "embed_dim": 12,
    "num_transformer_layers": 1,
    "num_attention_heads": 2,
    "attention_dim_key": 4,
    "num_rel_pos_features": 4,
    "target_length": 8,
    "num_downsamples": 3,
    "dim_divisible_by": 2,
    "separable_channels": 12,
}


def lower(trunk, n_bp):
    skeleton = jax.eval_shape(trunk.init, jax.random.key(0))
    codes = jax.ShapeDtypeStruct((1, n_bp), jnp.uint8)
    return jax.jit(trunk.embed).lower(skeleton, codes).as_text()


@pytest.mark.parametrize(
    ("trunk", "config"),
    [
        (Enformer, EnformerConfig(**ENFORMER)),
        (Borzoi, BorzoiConfig(**BORZOI)),
    ],
)
def test_a_program_of_many_layers_is_as_long_as_one_of_few(trunk, config):
    """Layers are scanned, and the table of positions is in the program once."""
    fields = {name: getattr(config, name) for name in config.__dataclass_fields__}
    sizes = [
        len(lower(trunk(type(config)(**fields | {"num_transformer_layers": layers})), 1024))
        for layers in (2, 11)
    ]
    assert abs(sizes[1] - sizes[0]) < 0.01 * sizes[0]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (EnformerConfig, {"num_attention_heads": 5}, "multiple of num_attention_heads"),
        (EnformerConfig, {"num_attention_heads": 3}, "must be a multiple of 6.*found 4"),
        (EnformerConfig, {"num_downsamples": 2}, "num_downsamples must be at least 3"),
        (EnformerConfig, {"gamma_norm_axis": "bins"}, "Known: features, positions"),
        (EnformerConfig, {"species_heads": True}, "read what final_pointwise makes"),
        (BorzoiConfig, {"num_rel_pos_features": 5}, "must be even"),
        (BorzoiConfig, {"target_length": 7}, "target_length must be even"),
        (BorzoiConfig, {"num_unet_conv": 3}, "num_downsamples must be at least 4"),
    ],
)
def test_sizes_that_cannot_be_are_refused(kind, fields, message):
    smallest = ENFORMER if kind is EnformerConfig else BORZOI
    with pytest.raises(BasewiseError, match=message):
        kind(**smallest | fields)


@pytest.mark.parametrize(
    ("trunk", "n_bp", "message"),
    [
        (Enformer(EnformerConfig(**ENFORMER)), 100, "whole bins of 8 bp.*100 bp"),
        (Borzoi(BorzoiConfig(**BORZOI)), 100, "whole bins of 8 bp.*100 bp"),
        (Borzoi(BorzoiConfig(**BORZOI | {"num_unet_conv": 0})), 88, "cropped must be even"),
        (Borzoi(BorzoiConfig(**BORZOI | {"target_length": 44})), 80, "keeps 44 bins; found 40"),
    ],
)
def test_lengths_that_cannot_be_read_are_refused(trunk, n_bp, message):
    with pytest.raises(BasewiseError, match=message):
        lower(trunk, n_bp)


@pytest.mark.parametrize(
    ("n_bins", "target", "kept"),
    [(32, 20, 20), (33, 20, 19), (32, 21, 20), (21, 20, 19), (20, 20, 20), (20, -1, 20)],
)
def test_the_centre_is_what_is_kept(n_bins, target, kept):
    bins = np.arange(n_bins)[None, :, None]
    centre = crop(bins, target)[0, :, 0]
    assert len(centre) == kept
    assert centre[0] == n_bins - 1 - centre[-1]


def test_every_letter_but_the_four_is_read_as_zeros():
    letters = np.frombuffer(b"ACGTNRYn-", np.uint8)
    rows = jax.nn.one_hot(one_hot_codes(letters), 4)
    np.testing.assert_array_equal(rows, one_hot(letters))
    assert one_hot_codes(letters).dtype == np.uint8


def test_widths_grow_as_published():
    assert EnformerConfig(1536, 11, 8).tower_widths() == (768, 768, 896, 1024, 1152, 1280, 1536)
    assert spread_widths(608, 1536, 6, 32) == [608, 736, 896, 1056, 1280, 1536]
