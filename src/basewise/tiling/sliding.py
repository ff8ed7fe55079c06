"""Tiles of models that were made for windows: windows that slide, or the middle of one window.

A model that gives one value per window is drawn along a genome by reading a window around every
bin. Which bases a bin's value depends on is then the same everywhere, and tiles leave no seam.
"""

import math

import numpy as np

from basewise.errors import BasewiseError
from basewise.tiling.spec import TileSpec

BASES_AT_ONCE = 1 << 17  # read of the windows of one tile
MOST_WINDOWS = 256
SHARE_BESIDE = 8  # of a window, on each side, is read for its context alone


def slide_windows(window_bp: int, *, step_bp: int, alphabet: str, k: int = 1) -> TileSpec:
    """Return the geometry of bins of ``step_bp``, each the value of the window around it.

    A model over k-mers reads no window past the end of what is readable: there, bins have the
    value of the last window that fits. Stretches shorter than a tile stay unscored.

    Args:
        window_bp: what the model reads for one value.
        alphabet, k: as in TileSpec.

    Raises:
        BasewiseError: a step of less than 1.
    """
    if step_bp < 1:
        raise BasewiseError("step_bp must be at least 1", found=step_bp)
    beside_bp = -(-max(window_bp - step_bp, 0) // (2 * step_bp)) * step_bp
    n_windows = min(max(BASES_AT_ONCE // window_bp, 1), MOST_WINDOWS)
    n_windows += n_windows * step_bp % 2  # halves of what a tile keeps are whole bases
    context_bp = n_windows * step_bp + 2 * beside_bp
    is_padded = alphabet == "onehot"
    return TileSpec(
        context_bp=context_bp,
        halo_bp=beside_bp,
        resolution_bp=step_bp,
        length_multiple_bp=step_bp * (1 + step_bp % 2),
        alphabet=alphabet,
        k=k,
        min_context_bp=1 if is_padded else context_bp,
        margin_bp=beside_bp if is_padded else 0,
    )


def place_windows(spec: TileSpec, window_bp: int, context_bp: int) -> np.ndarray:
    """Return int64 (n, 2), the start and end in a tile of the window of each predicted bin."""
    step_bp, width_bp = spec.resolution_bp, min(window_bp, context_bp)
    n_bins = spec.predicted_bp(context_bp) // step_bp
    first = spec.margin_of(context_bp) + (step_bp - width_bp) // 2
    starts = first + step_bp * np.arange(n_bins, dtype=np.int64)
    starts = np.clip(starts, 0, context_bp - width_bp)
    return np.stack([starts, starts + width_bp], axis=1)


def keep_centre(
    window_bp: int, *, predicted_bp: int, resolution_bp: int, alphabet: str, k: int = 1
) -> TileSpec:
    """Return the geometry of a model that gives the bins of a window's central ``predicted_bp``.

    At least an eighth of a window on each side is read for its context alone.
    """
    margin_bp = (window_bp - predicted_bp) // 2
    grid_bp = math.lcm(resolution_bp, k)
    beside_bp = max(margin_bp, window_bp // SHARE_BESIDE // grid_bp * grid_bp)
    is_padded = alphabet == "onehot"
    return TileSpec(
        context_bp=window_bp,
        halo_bp=beside_bp,
        resolution_bp=resolution_bp,
        length_multiple_bp=window_bp if is_padded else grid_bp,
        alphabet=alphabet,
        k=k,
        min_context_bp=1 if is_padded else window_bp,
        margin_bp=margin_bp if is_padded else 0,
    )
