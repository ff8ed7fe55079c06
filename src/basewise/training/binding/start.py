"""Where a new adapter begins to learn.

Its published first values are standard normal in the latents of bins and residues. These are made
unit vectors, so the scale of what makes them changes no prediction; but the larger it is, the
slower a step turns them, and the null token, which is not made a unit vector, drowns all residues.
"""

import math
from collections.abc import Callable, Mapping

import jax.numpy as jnp

LATENTS, GRID, NULL = "/filip", "/hypergrid", "null_context"
LOGIT = "binding/to_pred"
RAREST = 1e-4


def ease_latents(params: Mapping) -> dict:
    """Return parameters as drawn, with the latents' weights scaled to one over the root of inputs.

    Biases are scaled with their weights, the null token to a length of about 1, the hypergrid by
    the root of its inputs, which the norm behind it takes out again. The rest stays.
    """
    return {
        part: {module: _ease(module, leaves) for module, leaves in modules.items()}
        for part, modules in params.items()
    }


def start_near(
    start: Callable[[Mapping], dict], prevalence: float, *, is_squared: bool = False
) -> Callable[[Mapping], dict]:
    """Return ``start``, then the binary adapter's bias set to predict this prevalence.

    Where few labels are 1, as when windows are read for many pairs, the first thousand steps would
    otherwise go into learning no more than that. After Lin et al. 2017, arXiv:1708.02002.

    Args:
        is_squared: whether the logit itself is what is to be near the label.
    """
    share = min(max(prevalence, RAREST), 1 - RAREST)
    bias = share if is_squared else math.log(share / (1 - share))

    def begin(params: Mapping) -> dict:
        params = start(params)
        leaves = params["adapter"][LOGIT]
        own = {**params["adapter"], LOGIT: {**leaves, "b": jnp.full_like(leaves["b"], bias)}}
        return {**params, "adapter": own}

    return begin


def _ease(module: str, leaves: Mapping) -> dict:
    eased = dict(leaves)
    if module.endswith(LATENTS):
        for side in ("to_latent", "context_to_latent"):
            scale = 1 / math.sqrt(leaves[f"{side}_w"].shape[0])
            for name in (f"{side}_w", f"{side}_b"):
                eased[name] = leaves[name] * scale
        eased[NULL] = leaves[NULL] / math.sqrt(leaves[NULL].shape[-1])
    elif module.endswith(GRID) and "weights" in leaves:
        eased["weights"] = leaves["weights"] / math.sqrt(leaves["weights"].shape[0])
    return eased
