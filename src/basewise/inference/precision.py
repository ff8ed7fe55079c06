"""The precision of matrix products."""

import jax
import jax.numpy as jnp

from basewise.errors import BasewiseError, nearest

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def check_precision(precision: str) -> None:
    """Raise BasewiseError for an unknown precision."""
    if precision not in PRECISIONS:
        raise BasewiseError(
            "unknown precision", found=repr(precision), hint=nearest(precision, PRECISIONS)
        )


def set_precision(precision: str) -> type:
    """Return the compute dtype of a name; float32 then is float32 on every device.

    Raises:
        BasewiseError: an unknown precision.
    """
    check_precision(precision)
    if precision == "float32":
        jax.config.update("jax_default_matmul_precision", "highest")
    return PRECISIONS[precision]
