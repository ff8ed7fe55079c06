"""Windows of one width around peaks, never past the end of a chrom: they are moved inside."""

from collections.abc import Mapping, Sequence

import numpy as np

from basewise.errors import BasewiseError, nearest

CENTRES = ("summit", "middle")


def check_widths(chroms: Sequence[str], chromsizes: Mapping[str, int], width_bp: int) -> None:
    """Raise a BasewiseError that names the chroms too short for a window of this width."""
    if width_bp < 1:
        raise BasewiseError("width_bp must be 1 or more", found=width_bp)
    short = [chrom for chrom in chroms if chromsizes[chrom] < width_bp]
    if short:
        raise BasewiseError(
            f"{len(short)} chrom{'s' * (len(short) > 1)} with peaks cannot hold a window of "
            f"{width_bp:,} bp",
            found=", ".join(f"{chrom} of {chromsizes[chrom]:,} bp" for chrom in short[:5])
            + (", …" if len(short) > 5 else ""),
            hint="Leave these chroms out, or choose a smaller width",
        )


def place_windows(
    start: np.ndarray,
    end: np.ndarray,
    summit: np.ndarray,
    *,
    size_bp: int | np.ndarray,
    width_bp: int,
    centre: str = "summit",
) -> np.ndarray:
    """The start of a window around every peak; int (n,) bp each → int64 (n,).

    Around the summit, base `width_bp // 2` of the window is the summit. Around the middle, what
    the window is wider than the peak lies half on each side, an odd base on the right; what it
    is narrower is cut off likewise. A window that would leave its chrom of `size_bp` (one, or one
    per peak) is moved back inside, whole. It always holds the base it is centred on.
    """
    start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
    if centre == "summit":
        summit = np.clip(np.asarray(summit, dtype=np.int64), start, np.maximum(end - 1, start))
        placed = summit - width_bp // 2
    elif centre == "middle":
        placed = start - (width_bp - (end - start)) // 2
    else:
        raise BasewiseError(
            "unknown centre of windows", found=repr(centre), hint=nearest(centre, CENTRES)
        )
    return np.clip(placed, 0, np.asarray(size_bp, dtype=np.int64) - width_bp)
