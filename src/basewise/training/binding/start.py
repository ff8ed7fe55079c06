"""Where a new adapter begins to learn.

Its published first values are standard normal in the latents of bins and residues. These are made
unit vectors, so the scale of what makes them changes no prediction; but the larger it is, the
slower a step turns them, and the null token, which is not made a unit vector, drowns all residues.
"""

import math
from collections.abc import Mapping

LATENTS, GRID, NULL = "/filip", "/hypergrid", "null_context"


def ease_latents(params: Mapping) -> dict:
    """Return parameters as drawn, with the latents' weights scaled to one over the root of inputs.

    Biases are scaled with their weights, the null token to a length of about 1, the hypergrid by
    the root of its inputs, which the norm behind it takes out again. The rest stays.
    """
    return {
        part: {module: _ease(module, leaves) for module, leaves in modules.items()}
        for part, modules in params.items()
    }


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
