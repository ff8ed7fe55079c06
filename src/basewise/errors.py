"""The one error a user of basewise meets: what is wrong, what was found, what to do."""

import difflib
from collections.abc import Iterable

SHOWN = 20  # legal values listed at most


class BasewiseError(ValueError):
    """Input, configuration or a file is not as it must be.

    The text is one line: what is wrong (naming the file, line or key), then what was found,
    then what to do about it.
    """

    def __init__(self, what: str, *, found: object = None, hint: str | None = None):
        parts = [what.rstrip(".")]
        if found is not None:
            parts.append(f"found {found}")
        text = "; ".join(parts)
        if hint:
            text = f"{text}. {hint}"
        super().__init__(" ".join(text.split()))


def nearest(name: object, legal: Iterable) -> str:
    """A hint that names the closest legal spelling, else the first of them."""
    legal = [str(value) for value in legal]
    close = difflib.get_close_matches(str(name), legal, n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    others = ", …" if len(legal) > SHOWN else ""
    return f"Use one of: {', '.join(legal[:SHOWN])}{others}."
