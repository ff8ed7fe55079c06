"""Random negatives: uniform over the allowed starts, or with a quota for every chrom."""

from collections.abc import Mapping

import numpy as np

from basewise.errors import BasewiseError, nearest
from basewise.peaks.negatives.allowed import AllowedStarts
from basewise.peaks.negatives.seeds import draw_ranks, share_out

QUOTAS = ("room", "length", "equal")


def draw_random(
    allowed: AllowedStarts,
    n: int,
    rng: np.random.Generator,
    *,
    per_chrom: str | Mapping[str, int] = "room",
    replace: bool = False,
) -> np.ndarray:
    """Draw `n` windows; sorted ranks of `allowed`, int64 (n,).

    Args:
        allowed: Where windows may start.
        n: How many; with a mapping for `per_chrom`, its sum.
        rng: From `derive_rng`.
        per_chrom: "room": every allowed start is equally likely. "length": each chrom gets a
            quota in proportion to its length. "equal": the same quota for every chrom, the
            remainder to the first. A mapping gives the quotas themselves.
        replace: Whether a window may come more than once.

    Raises:
        BasewiseError: More windows than there is room for, with the room.
    """
    room = np.diff(allowed.chrom_ranks)
    if isinstance(per_chrom, str) and per_chrom == "room":
        if n > allowed.n_starts and (not replace or not allowed.n_starts):
            raise no_room(n, allowed)
        return draw_ranks(rng, allowed.n_starts, n, replace=replace)
    quotas = find_quotas(allowed, n, per_chrom)
    short = np.flatnonzero(quotas > room if not replace else (quotas > 0) & (room == 0))
    if len(short):
        shown = ", ".join(f"{allowed.chroms[i]} {room[i]} of {quotas[i]}" for i in short[:5])
        raise BasewiseError(
            f"the quotas of {len(short)} of {len(room)} chroms ask for more negatives of "
            f"{allowed.width_bp} bp than fit outside what they must avoid",
            found=f"room for {shown}{', …' if len(short) > 5 else ''}",
            hint="Ask for fewer, leave these chroms out, avoid less, or set per_chrom to room",
        )
    drawn = [
        first + draw_ranks(rng, int(size), int(quota), replace=replace)
        for first, size, quota in zip(allowed.chrom_ranks[:-1], room, quotas, strict=True)
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *drawn])


def find_quotas(allowed: AllowedStarts, n: int, per_chrom: str | Mapping[str, int]) -> np.ndarray:
    """How many windows every chrom gets: int64 (chroms,)."""
    if isinstance(per_chrom, Mapping):
        for chrom in per_chrom:
            if chrom not in allowed.chroms:
                raise BasewiseError(
                    f"per_chrom names a chrom {chrom!r} that is not drawn from",
                    hint=nearest(chrom, allowed.chroms),
                )
        return np.array([per_chrom.get(chrom, 0) for chrom in allowed.chroms], dtype=np.int64)
    if per_chrom == "length":
        return share_out(n, allowed.chrom_bp)
    if per_chrom == "equal":
        return share_out(n, np.ones(len(allowed.chroms)))
    raise BasewiseError(
        "unknown value of per_chrom", found=repr(per_chrom), hint=nearest(per_chrom, QUOTAS)
    )


def no_room(n: int, allowed: AllowedStarts, what: str = "negatives") -> BasewiseError:
    """The error for more windows than fit, which says how many do."""
    return BasewiseError(
        f"{n:,} {what} of {allowed.width_bp:,} bp do not fit outside what they must avoid",
        found=f"room for {allowed.n_starts:,}",
        hint="Ask for fewer, choose a smaller width, or avoid less",
    )
