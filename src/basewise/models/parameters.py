"""Parameter trees in memory and under published names.

On disk and in published files a parameter is ``module/path|name``, one array per layer. In memory
it is haiku's nested dict, with the blocks of a transformer stacked for ``lax.scan``.
"""

import re
from collections.abc import Mapping, MutableMapping

import jax
import jax.numpy as jnp
import numpy as np

from basewise.models.nucleotide_transformer import LAYER, NAMESPACE

SEGMENTATION_NAMESPACE = "segmentation_head"
_LAYER_PATH = re.compile(rf"{NAMESPACE}/{LAYER}_(\d+)/")


def flatten(params: Mapping) -> dict:
    """Return ``{module/path|name: leaf}`` of in-memory parameters, blocks unstacked."""
    flat = {}
    for part, modules in params.items():
        for module, leaves in modules.items():
            for name, leaf in leaves.items():
                if part != "layers":
                    flat[f"{module}|{name}"] = leaf
                    continue
                suffix = module.removeprefix(LAYER)
                for index in range(leaf.shape[0]):
                    path = f"{NAMESPACE}/{LAYER}_{index}{suffix}|{name}"
                    flat[path] = _unstack(leaf, index)
    return flat


def unflatten(flat: MutableMapping[str, np.ndarray], skeleton: Mapping) -> dict:
    """Return in-memory parameters with the structure of ``skeleton`` (arrays or shapes).

    Takes the arrays out of ``flat``, so that none is held twice.
    """
    tree = {}
    for part, modules in skeleton.items():
        tree[part] = {}
        for module, leaves in modules.items():
            tree[part][module] = {}
            for name, leaf in leaves.items():
                if part != "layers":
                    tree[part][module][name] = flat.pop(f"{module}|{name}")
                    continue
                suffix = module.removeprefix(LAYER)
                paths = [f"{NAMESPACE}/{LAYER}_{i}{suffix}|{name}" for i in range(leaf.shape[0])]
                tree[part][module][name] = np.stack([flat.pop(path) for path in paths])
    return tree


def normalise_name(published: str) -> str:
    """Return our name of a published one: any model prefix, old and new spellings."""
    module, _, name = published.partition("|")
    _, _, path = module.partition("/")
    if path.startswith(("~/unet1_d_segmentation_head", "~/fc")):
        return f"{SEGMENTATION_NAMESPACE}/{path}|{name}"
    path = re.sub(r"(attention_layer_\d+/~/)mha(?=/)", r"\1self_attention", path)
    path = path.replace("/mha_layer_norm", "/self_attention_layer_norm")
    path = path.replace("esm_roberta_lm_head", "roberta_lm_head")
    return f"{NAMESPACE}/{path}|{name}"


def count_parameters(params: Mapping) -> int:
    """Return the number of scalars in a parameter tree (arrays or shapes)."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))


def _unstack(leaf, index):
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
    return leaf[index]


def cast_floats(params: Mapping, dtype) -> dict:
    """Return the tree with floating-point leaves in ``dtype``."""
    return jax.tree.map(
        lambda leaf: (
            leaf.astype(dtype, copy=False) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
        ),
        params,
    )
