"""Per-element settings: one number for each element, with a default, checked before any work."""

import difflib
import math
from collections.abc import Iterable, Mapping

from basewise.errors import BasewiseError

DEFAULT_KEY = "default"


def resolve_setting(
    name: str,
    setting: Mapping[str, float],
    elements: Iterable[str],
    *,
    known: Iterable[str] = (),
    minimum: float,
    maximum: float = math.inf,
    integer: bool = False,
) -> dict[str, float]:
    """Return `{element: value}` for every one of `elements`, taking `default` where none is named.

    `known` lists names that may appear although no track of theirs is called here. Raises
    BasewiseError for a name that is neither (with the nearest legal one), for a value that is no
    number or out of `[minimum, maximum]`, and for an element with neither value nor default.
    """
    elements = list(elements)
    legal = [DEFAULT_KEY, *elements, *(k for k in known if k not in elements)]
    for key, value in setting.items():
        if key not in legal:
            raise BasewiseError(
                f"{name}/{key} names no element", found=repr(key), hint=_nearest(str(key), legal)
            )
        _check_value(f"{name}/{key}", value, minimum, maximum, integer)
    missing = [e for e in elements if e not in setting and DEFAULT_KEY not in setting]
    if missing:
        raise BasewiseError(
            f"{name} has no value for {missing[0]} and no {DEFAULT_KEY}",
            found=f"keys {sorted(setting)}",
            hint=f"Add {name}/{DEFAULT_KEY}.",
        )
    return {e: setting[e] if e in setting else setting[DEFAULT_KEY] for e in elements}


def _check_value(key: str, value: object, minimum: float, maximum: float, integer: bool) -> None:
    kinds = (int,) if integer else (int, float)
    noun = "a whole number" if integer else "a number"
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise BasewiseError(f"{key} must be {noun}", found=repr(value))
    if not minimum <= value <= maximum:  # also true of NaN
        limits = f"at least {minimum}" if maximum == math.inf else f"in [{minimum}, {maximum}]"
        raise BasewiseError(f"{key} must be {limits}", found=repr(value))


def _nearest(key: str, legal: list[str]) -> str:
    by_lower = {name.lower(): name for name in reversed(legal)}
    close = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.0)
    return f"Did you mean {by_lower[close[0]]!r}? Legal names: {', '.join(legal)}."
