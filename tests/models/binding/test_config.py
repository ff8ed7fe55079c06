"""Options that go together, and those that do not."""

import itertools
import json

import jax
import pytest

from basewise.errors import BasewiseError
from basewise.models.binding.adapter import Adapter
from basewise.models.binding.config import BindingConfig
from basewise.models.parameters import count_parameters

SIZES = {"trunk_dim": 24, "protein_dim": 10, "context_dim": 6, "latent_dim": 4, "latent_heads": 3}


@pytest.mark.parametrize(
    ("protein_dim", "n_parameters"), [(1280, 105_046_561), (4096, 236_277_793), (384, 89_898_785)]
)
def test_published_sizes(protein_dim, n_parameters):
    adapter = Adapter(BindingConfig(trunk_dim=3072, protein_dim=protein_dim, context_dim=768))
    assert count_parameters({"adapter": adapter_shapes(adapter)}) == n_parameters


def adapter_shapes(adapter):
    return jax.eval_shape(adapter.init, jax.random.key(0))


def test_every_combination_builds():
    """Every mode under every conditioning, with depths and widths in turn: shapes are right."""
    modes = [{}, {"use_corr_coef_loss": True}, {"binary_target": True}]
    modes += [{"binary_target": True, "target_mse_loss": True, "aux_read_value_loss": True}]
    conditions = ({"condition_film": True}, {"condition_squeeze_excite": True}, {})
    grids, depths, widths = (True, False), ((0, 0), (1, 0), (2, 1)), (None, 8)
    x, c, z = (jax.ShapeDtypeStruct(s, "float32") for s in ((1, 5, 24), (3, 4, 10), (3, 6)))
    mask = jax.ShapeDtypeStruct((3, 4), bool)
    n_built = 0
    turns = zip(itertools.cycle(depths), itertools.cycle((*widths, None, 8, 8)), strict=False)
    products = itertools.product(modes, conditions, grids)
    for (mode, condition, grid), ((joint, own), width) in zip(products, turns, strict=False):
        options = {**SIZES, **mode, **condition, "condition_hypergrid": grid, "dropout": 0.1}
        options |= {"joint_cross_attn_depth": joint, "genome_self_attn_depth": own}
        options |= {"trunk_width": width, "protein_width": width}
        adapter = Adapter(BindingConfig(**options))
        peaks = jax.ShapeDtypeStruct((3,), "float32") if mode.get("binary_target") else None
        outputs = jax.eval_shape(
            lambda params, rng, adapter=adapter, peaks=peaks: adapter.apply(
                params, x_of(x), x_of(c), x_of(mask), x_of(z), peaks_nr=x_of(peaks), rng=rng,
                is_training=True,
            ),
            adapter_shapes(adapter),
            jax.random.key(0),
        )  # fmt: skip
        expected = {"latent": (3, 5, 3)}
        expected |= {"logit": (3,), "read_value": (3,)} if peaks else {"track": (3, 5)}
        assert {name: value.shape for name, value in outputs.items()} == expected
        assert {value.dtype.name for value in outputs.values()} == {"float32"}
        n_built += 1
    assert n_built == 24


def x_of(shape):
    """Zeros of a shape: only shapes are looked at."""
    return None if shape is None else jax.numpy.zeros(shape.shape, shape.dtype)


def test_config_survives_json():
    config = BindingConfig(**SIZES, finetune_output_heads={"human": 3})
    again = BindingConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context_dim": None}, "condition_hypergrid needs binding/context_dim"),
        ({"context_dim": None, "condition_hypergrid": False, "condition_film": True}, "film needs"),
        ({"latent_heads": 0}, "latent_heads must be a positive integer; found 0"),
        ({"latent_dim": 1.5}, "latent_dim must be a positive integer; found 1.5"),
        ({"protein_width": True}, "protein_width must be a positive integer; found True"),
        ({"protein_tokens": 0}, "protein_tokens must be a positive integer; found 0"),
        ({"protein_tokens": 1, "attention_heads": 3, "protein_width": 64}, "must divide"),
        ({"joint_cross_attn_depth": -1}, "joint_cross_attn_depth must be 0 or more; found -1"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"fourier_dims": 7}, "fourier_dims must be even"),
        ({"condition_film": True, "condition_squeeze_excite": True}, "exclude each other"),
        ({"target_mse_loss": True}, "target_mse_loss needs binding/binary_target to be true"),
        ({"aux_read_value_loss": True}, "aux_read_value_loss needs"),
        ({"use_corr_coef_loss": True, "binary_target": True}, "binary_target to be false"),
        ({"finetune_output_heads": {"human": 2}, "binary_target": True}, "to be false"),
        ({"finetune_output_heads": {"human": 0}}, "names with their numbers of tracks"),
        ({"finetune_output_heads": {"a/b": 1}}, "names with their numbers of tracks"),
        ({"use_squeeze_excite": True}, "unknown key architecture/adapter/use_squeeze_excite.*"
         "Did you mean 'condition_squeeze_excite'"),
    ],
)  # fmt: skip
def test_bad_options(options, message):
    with pytest.raises(BasewiseError, match=message):
        BindingConfig.from_dict(SIZES | options)


def test_a_size_is_missing():
    with pytest.raises(BasewiseError, match="missing key architecture/adapter/protein_dim"):
        BindingConfig.from_dict({"trunk_dim": 4})
