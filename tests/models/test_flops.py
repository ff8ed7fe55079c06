import jax
import jax.numpy as jnp
import pytest

from basewise.models.families import build_track_model
from basewise.models.flops import count_flops, flops_per_tile
from basewise.models.zoo import ZOO


def shape(*sizes):
    return jax.ShapeDtypeStruct(sizes, jnp.float32)


def test_products_count_a_multiplication_and_an_addition():
    assert count_flops(jnp.matmul, shape(7, 3, 4), shape(4, 5)) == 7 * 2 * 3 * 4 * 5


def test_what_a_scan_repeats_counts_each_time():
    def power(x, weights):
        return jax.lax.scan(lambda x, weight: (x @ weight, None), x, weights)[0]

    assert count_flops(power, shape(2, 6), shape(9, 6, 6)) == 9 * 2 * 2 * 6 * 6


@pytest.mark.parametrize("groups", [1, 8])
def test_convolutions_count_their_taps_and_channels(groups):
    def convolve(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (1,),
            "SAME",
            dimension_numbers=("NWC", "WIO", "NWC"),
            feature_group_count=groups,
        )

    flops = count_flops(convolve, shape(2, 100, 8), shape(5, 8 // groups, 16))
    assert flops == 2 * (2 * 100 * 16) * 5 * (8 // groups)


def test_the_costlier_branch_counts():
    def choose(flag, x):
        return jax.lax.cond(flag, lambda x: x @ x, lambda x: x, x)

    assert count_flops(choose, jax.ShapeDtypeStruct((), bool), shape(4, 4)) == 2 * 4**3


def test_segment_nt_costs_what_its_sizes_say():
    """Per token and layer 16 D² weights and 2 L D of attention; a U-Net adds a tenth at most."""
    d, tokens, layers = 1024, 5001, 29
    trunk = layers * tokens * (2 * 4 * d * d + 2 * 3 * 4 * d * d + 2 * 2 * tokens * d)
    flops = flops_per_tile(build_track_model(ZOO["segment_nt"].to_config()))
    assert trunk < flops < 1.12 * trunk
