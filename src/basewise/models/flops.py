"""How much arithmetic a model is, counted from its program rather than from a formula per family.

Only matrix products and convolutions count, a multiplication and an addition as two; the rest is
bandwidth. Nothing is computed and no parameter exists: shapes are enough.
"""

import math
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.extend import core

from basewise.models.track_model import TrackModel

LOOPS = {"scan": lambda params: params["length"]}


def count_flops(function: Callable, *shapes) -> int:
    """Return the floating-point operations of one call of a traceable function.

    Args:
        shapes: its arguments, as arrays or ``jax.ShapeDtypeStruct``.

    A ``while`` of unknown length counts once, and of a conditional's branches the costliest.
    """
    return _count(jax.make_jaxpr(function)(*shapes).jaxpr)


def flops_per_tile(model: TrackModel) -> int:
    """Return the floating-point operations of one forward pass over one tile of full context."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    window = np.full((1, model.tile_spec.context_bp), ord("A"), np.uint8)
    return count_flops(model.apply, params, model.encode(window))


def _count(program: core.Jaxpr) -> int:
    total = 0
    for equation in program.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "dot_general":
            total += _product(equation)
        elif name == "conv_general_dilated":
            total += _convolution(equation)
        elif name == "cond":
            total += max(_count(branch.jaxpr) for branch in params["branches"])
        else:
            total += LOOPS.get(name, lambda _: 1)(params) * sum(map(_count, inner_programs(params)))
    return total


def inner_programs(params: dict) -> Iterator[core.Jaxpr]:
    """The programs among an equation's parameters."""
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if isinstance(item, core.ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, core.Jaxpr):
                yield item


def _product(equation) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2 * _cells(equation) * math.prod(left[axis] for axis in contracted)


def _convolution(equation) -> int:
    kernel = equation.invars[1].aval.shape
    axes = equation.params["dimension_numbers"].rhs_spec
    return 2 * _cells(equation) * math.prod(kernel) // kernel[axes[0]]


def _cells(equation) -> int:
    return math.prod(equation.outvars[0].aval.shape)
