"""How shards keep values: uint8 steps of 1/255 for probabilities, or half or single floats."""

import numpy as np

from basewise.errors import BasewiseError

DTYPES = ("uint8", "float16", "float32")
STEPS = np.float32(255)
SLACK = 1e-5  # a softmax in low precision may pass 1 by a rounding error


def check_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of a store dtype's name; any other name is an error."""
    if str(dtype) not in DTYPES:
        raise BasewiseError(
            "Unknown dtype for stored values", found=repr(dtype), hint=f"Use {', '.join(DTYPES)}"
        )
    return np.dtype(str(dtype))


def encode(values: np.ndarray, dtype: str) -> np.ndarray:
    """Quantise values of any shape: uint8 is rint(255 * value) of a probability.

    Raises:
        BasewiseError: A value is not finite, outside 0..1 for uint8, or too large for the dtype.
    """
    kept = check_dtype(dtype)
    values = np.asarray(values, dtype=np.float32)
    if kept == np.uint8:
        if not np.all((values >= -SLACK) & (values <= 1 + SLACK)):
            raise BasewiseError(
                "uint8 holds probabilities, 0 to 1",
                found=f"values from {values.min()} to {values.max()}",
                hint="Store this track as float16 or float32",
            )
        return np.rint(np.clip(values, 0, 1) * STEPS).astype(np.uint8)
    with np.errstate(over="ignore"):
        encoded = values.astype(kept)
    if not np.isfinite(encoded).all():
        raise BasewiseError(
            f"A value is not finite as {dtype}",
            found=values[~np.isfinite(encoded)][0],
            hint="Store this track as float32" if np.isfinite(values).all() else None,
        )
    return encoded


def decode(stored: np.ndarray) -> np.ndarray:
    """Stored values (uint8, float16 or float32, any shape) as float32."""
    check_dtype(stored.dtype.name)
    if stored.dtype == np.uint8:
        return np.divide(stored, STEPS, dtype=np.float32)
    return stored.astype(np.float32, copy=False)
