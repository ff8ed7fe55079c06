"""Long sequences of tokens cut into windows: overlap, and which window each token is taken from."""

from itertools import pairwise
from typing import NamedTuple

from basewise.errors import BasewiseError


class Window(NamedTuple):
    """Tokens first to last of a sequence (CLS not counted), of which own_first to own_last are
    taken from this window: those that lie more central here than in a neighbour."""

    first: int
    last: int
    own_first: int
    own_last: int


def cut_windows(n_tokens: int, size: int, overlap: int) -> list[Window]:
    """Return windows of ``size`` tokens that cover a sequence; one window if it fits.

    Windows lie ``size - overlap`` tokens apart; the last one moves back so that it is full too.
    Tokens are cut after the sequence was tokenized, so k-mers are the same in every window.

    Raises:
        BasewiseError: the overlap is as long as a window.
    """
    if n_tokens <= size:
        return [Window(0, n_tokens, 0, n_tokens)]
    if overlap >= size:
        raise BasewiseError(
            "the overlap of windows must be shorter than a window",
            found=f"{overlap} of {size} tokens",
            hint="Give a smaller overlap_bp.",
        )
    firsts = [*range(0, n_tokens - size, size - overlap), n_tokens - size]
    middles = [(later + first + size) // 2 for first, later in pairwise(firsts)]
    borders = [0, *middles, n_tokens]
    return [
        Window(first, first + size, own_first, own_last)
        for first, own_first, own_last in zip(firsts, borders, borders[1:], strict=False)
    ]
