"""Equal blocks whose parameters are stacked along a first axis, under published names.

Compiling N scanned blocks costs as much as compiling one. In a stacked name ``*`` stands where the
published ones have the block's number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import haiku as hk
import jax


@dataclass(frozen=True)
class Block:
    """One block as pure functions.

    Attributes:
        transformed: the haiku functions of one block.
        names: the first component of haiku's module names -> the published path, with ``*``.
    """

    transformed: hk.Transformed
    names: Mapping[str, str]

    def init(self, rng: jax.Array, n_blocks: int, *arguments) -> dict:
        """Return freshly drawn parameters, each with a leading axis of ``n_blocks``."""
        rngs = jax.random.split(rng, n_blocks)
        drawn = jax.vmap(lambda rng: self.transformed.init(rng, *arguments))(rngs)
        return {_rename(module, self.names): leaves for module, leaves in drawn.items()}

    def apply(self, params: Mapping, *arguments):
        """Run one block with its own parameters, unstacked."""
        ours = {published: name for name, published in self.names.items()}
        renamed = {_rename(module, ours): leaves for module, leaves in params.items()}
        return self.transformed.apply(renamed, *arguments)


def take_block(params: Mapping, index: int) -> dict:
    """Return the parameters of one block out of stacked ones."""
    return jax.tree.map(lambda leaf: leaf[index], params)


def _rename(module: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        if module.startswith(f"{old}/"):
            return new + module.removeprefix(old)
    raise ValueError(f"no name for module {module}")
