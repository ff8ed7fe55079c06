"""Where a new adapter begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.models.binding.adapter import Adapter
from basewise.models.binding.config import BindingConfig
from basewise.training.binding.start import ease_latents, start_near

SIZES = {"trunk_dim": 12, "protein_dim": 6, "latent_dim": 4, "latent_heads": 8}
SIZES |= {"condition_hypergrid": False, "joint_cross_attn_depth": 0, "binary_target": True}


@pytest.mark.parametrize("is_squared", [False, True])
@pytest.mark.parametrize("prevalence", [0.04, 0.5])
def test_a_new_adapter_predicts_about_the_prevalence(prevalence, is_squared):
    """Only its bias changes; what it says of windows and proteins lies around the prevalence."""
    adapter = Adapter(BindingConfig(**SIZES))
    drawn = {"adapter": adapter.init(jax.random.key(0))}
    begun = start_near(ease_latents, prevalence, is_squared=is_squared)(drawn)
    rng = np.random.default_rng(0)
    x, c = (jnp.asarray(rng.normal(size=(200, 5, size)), jnp.float32) for size in (12, 6))
    mean = {
        name: float(adapter.apply(params["adapter"], x, c)["logit"].mean())
        for name, params in {"eased": ease_latents(drawn), "begun": begun}.items()
    }
    wanted = prevalence if is_squared else np.log(prevalence / (1 - prevalence))
    bias = ease_latents(drawn)["adapter"]["binding/to_pred"]["b"]
    assert mean["begun"] - mean["eased"] == pytest.approx(wanted - float(bias[0]), abs=1e-4)
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), ease_latents(drawn), begun)
    assert sum(jax.tree.leaves(changed)) == 1


@pytest.mark.parametrize("prevalence", [0.0, 1.0])
def test_one_label_only_leaves_a_finite_start(prevalence):
    drawn = {"adapter": {"binding/to_pred": {"w": jnp.ones((2, 1)), "b": jnp.zeros(1)}}}
    begun = start_near(lambda params: params, prevalence)(drawn)
    assert np.isfinite(begun["adapter"]["binding/to_pred"]["b"]).all()
