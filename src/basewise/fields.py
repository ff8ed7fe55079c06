"""Plain values to a frozen dataclass, with an error that names the key."""

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TypeVar

from basewise.errors import BasewiseError, nearest

Fields = TypeVar("Fields")
KINDS = {int: Integral, float: Real}  # NumPy's numbers too
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def check_fields(cls: type[Fields], values: dict, where: str) -> Fields:
    """Return ``cls(**values)``.

    Raises:
        BasewiseError: a key the class does not have, or one it needs, named below ``where``.
    """
    known = {field.name: field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in known:
            raise BasewiseError(
                f"unknown key {where}/{key}", found=repr(values[key]), hint=nearest(key, known)
            )
    for key, field in known.items():
        is_needed = field.default is dataclasses.MISSING
        if is_needed and field.default_factory is dataclasses.MISSING and key not in values:
            raise BasewiseError(f"missing key {where}/{key}")
    return cls(**values)


def check_types(cls: type, values: Mapping, where: str) -> None:
    """Refuse values of another type than a field that is a number, a switch or text, or null.

    Other fields, and keys that the class does not have, are not looked at.

    Raises:
        BasewiseError: such a value, named below ``where``.
    """
    for field in dataclasses.fields(cls):
        wanted = next((one for one in WORDS if field.type in (one, one | None)), None)
        if wanted is None or field.name not in values:
            continue
        value, is_optional = values[field.name], field.type != wanted
        kind = KINDS.get(wanted, wanted)
        is_fitting = isinstance(value, kind) and isinstance(value, bool) == (wanted is bool)
        if is_fitting or (value is None and is_optional):
            continue
        words = WORDS[wanted] + (" or null" if is_optional else "")
        raise BasewiseError(f"{where}/{field.name} must be {words}", found=repr(value))
