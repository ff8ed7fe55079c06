"""Which parameters of a binding model learn.

The published code means to train only the layer norms of the trunk by default, and by its order
of freezing trains none of them; this trains them. Batch norm (scale, offset, averages) and what
no gradient reaches never learn.
"""

import re
from collections.abc import Collection, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.models.parameters import STACKED

MODES = ("frozen", "layer_norms", "last", "all")
TRUNK_PARTS = ("edges", "layers")
BATCH_NORM = re.compile(r"/batch_norm[^/]*(/|$)")
UNUSED = re.compile(r"/~_heads/|/roberta_lm_head/~/lm_")
READ_VALUE = "/read_value/"


def label_parameters(params: Mapping) -> dict:
    """Return the tree with a label in place of each leaf.

    Labels are ``adapter``, ``read_value``, ``head``, ``trunk_layer_norm``, ``trunk_block``,
    ``trunk_rest``, ``batch_norm`` and ``unused``.
    """
    return _map(params, _label)


def choose_trainable(
    params: Mapping,
    mode: str,
    *,
    n_last: int = 0,
    heads: Collection[str] = (),
    read_value: bool = False,
) -> dict:
    """Return the tree with bool arrays that broadcast to each leaf, True where it learns.

    Blocks of the trunk are stacked, so theirs have a first axis of blocks. The adapter learns in
    every mode.

    Args:
        mode: what of the trunk learns: nothing ("frozen"), its layer norms, its "last" blocks,
            or "all".
        n_last: blocks at the trunk's end that learn whole, in mode "last" or besides the layer
            norms.
        heads: names of the heads on the trunk that learn.
        read_value: whether the network of the auxiliary loss learns.

    Raises:
        BasewiseError: an unknown mode; blocks or heads that there are not; a number of blocks in
            a mode that has no use for it, or none in mode "last".
    """
    if mode not in MODES:
        raise BasewiseError(
            "unknown training of the trunk", found=repr(mode), hint=nearest(mode, MODES)
        )
    n_blocks = len(next(iter(jax.tree.leaves(params["layers"]))))
    if not 0 <= n_last <= n_blocks:
        raise BasewiseError(f"the trunk has {n_blocks} blocks to train last", found=n_last)
    if (mode == "last" and not n_last) or (mode in ("frozen", "all") and n_last):
        raise BasewiseError(
            f"{n_last} last blocks make no sense in mode {mode!r}",
            hint="Give them in mode 'last' or 'layer_norms'.",
        )
    known = {module.rpartition("/")[2] for module in params.get("heads", {})}
    for head in heads:
        if head not in known:
            raise BasewiseError(
                "this model has no such head", found=repr(head), hint=nearest(head, known)
            )
    learning = {"adapter"} | ({"read_value"} if read_value else set())
    if mode in ("layer_norms", "all"):
        learning.add("trunk_layer_norm")
    if mode == "all":
        learning |= {"trunk_block", "trunk_rest"}
    is_last = np.arange(n_blocks) >= n_blocks - n_last

    def choose(part, module, name, leaf):
        label = _label(part, module, name, leaf)
        if label == "head":
            return np.asarray(module.rpartition("/")[2] in heads)
        is_learning = np.asarray(label in learning)
        if part == "layers" and label != "batch_norm":
            return (is_learning | is_last).reshape(-1, *[1] * (leaf.ndim - 1))
        return is_learning

    return _map(params, choose)


def decays(params: Mapping) -> dict:
    """Return the tree with True where weight decay applies: two axes or more, in PyTorch.

    So not biases, norms and averages, whatever shape they have here.
    """

    def is_decayed(_part, module, name, leaf):
        n_axes = leaf.ndim - (STACKED in module)
        return name not in ("b", "scale", "offset", "average") and n_axes >= 2

    return _map(params, is_decayed)


def split_params(params: Mapping, trainable: Mapping) -> tuple[dict, dict]:
    """Return the leaves of which anything learns, and the others, as two trees of the same kind."""
    learning = _map(trainable, lambda _part, _module, _name, leaf: bool(np.any(leaf)))
    return _pick(params, learning, True), _pick(params, learning, False)


def merge_params(learning: Mapping, frozen: Mapping) -> dict:
    """Return the whole tree of ``split_params``' two."""
    merged = {}
    for tree in (frozen, learning):
        for part, modules in tree.items():
            for module, leaves in modules.items():
                merged.setdefault(part, {}).setdefault(module, {}).update(leaves)
    return merged


def keep_learning(tree: Mapping, trainable: Mapping) -> dict:
    """Return gradients or updates with 0 where nothing learns.

    ``trainable`` may have leaves that ``tree`` has not.
    """
    return _map(
        tree,
        lambda part, module, name, leaf: jnp.where(trainable[part][module][name], leaf, 0.0),
    )


def _label(part: str, module: str, name: str, _leaf) -> str:
    if part == "heads":
        return "head"
    if part == "adapter":
        return "read_value" if READ_VALUE in f"{module}/" else "adapter"
    if BATCH_NORM.search(module):
        return "batch_norm"
    if UNUSED.search(module):
        return "unused"
    if name in ("scale", "offset"):
        return "trunk_layer_norm"
    return "trunk_block" if part == "layers" else "trunk_rest"


def _map(tree: Mapping, function) -> dict:
    return {
        part: {
            module: {name: function(part, module, name, leaf) for name, leaf in leaves.items()}
            for module, leaves in modules.items()
        }
        for part, modules in tree.items()
    }


def _pick(tree: Mapping, learning: Mapping, wanted: bool) -> dict:
    picked = {}
    for part, modules in tree.items():
        for module, leaves in modules.items():
            for name, leaf in leaves.items():
                if learning[part][module][name] is wanted:
                    picked.setdefault(part, {}).setdefault(module, {})[name] = leaf
    return picked
