"""Plain values to a frozen dataclass, with an error that names the key."""

import dataclasses
import difflib
from typing import TypeVar

from basewise.errors import BasewiseError

Fields = TypeVar("Fields")


def check_fields(cls: type[Fields], values: dict, where: str) -> Fields:
    """Return ``cls(**values)``.

    Raises:
        BasewiseError: a key the class does not have, or one it needs, named below ``where``.
    """
    known = {field.name: field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            raise BasewiseError(f"unknown key {where}/{key}", found=repr(values[key]), hint=hint)
    for key, field in known.items():
        is_needed = field.default is dataclasses.MISSING
        if is_needed and field.default_factory is dataclasses.MISSING and key not in values:
            raise BasewiseError(f"missing key {where}/{key}")
    return cls(**values)
