"""How shards keep values: uint8 steps of 1/255 for probabilities, or half or single floats."""

import numpy as np

from basewise.errors import BasewiseError

DTYPES = ("uint8", "float16", "float32")
STEPS = 255  # of a probability in uint8: the stored number is rint(STEPS * p)


def check_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of a store dtype's name; any other name is an error."""
    if str(dtype) not in DTYPES:
        raise BasewiseError(
            "Unknown dtype for stored values", found=repr(dtype), hint=f"Use {', '.join(DTYPES)}"
        )
    return np.dtype(str(dtype))


def decode(stored: np.ndarray) -> np.ndarray:
    """Stored values (uint8, float16 or float32, any shape) as float32."""
    check_dtype(stored.dtype.name)
    if stored.dtype == np.uint8:
        return np.divide(stored, STEPS, dtype=np.float32)
    return stored.astype(np.float32, copy=False)
