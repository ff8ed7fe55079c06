"""Plain values to a frozen dataclass, with an error that names the key."""

import dataclasses
from typing import TypeVar

from basewise.errors import BasewiseError, nearest

Fields = TypeVar("Fields")


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
