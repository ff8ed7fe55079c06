"""What a person says of a checkpoint: fields of its configuration, in a JSON file."""

import json
import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import NoneType
from typing import get_args, get_type_hints

from basewise.errors import BasewiseError, nearest

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
KINDS |= {list: "a list of names", NoneType: "null"}
GENERAL = {"features": list, "context_bp": int}

logger = logging.getLogger(__name__)

Overrides = str | os.PathLike | Mapping | None


def read_overrides(
    overrides: Overrides, config: type, *, without: Collection[str] = (), **others: type
) -> dict:
    """Return the fields that are given, checked; unknown ones are ignored with a warning.

    Args:
        overrides: a JSON file, or its content; None for nothing.
        config: the dataclass whose fields may be given, beside ``features``, ``context_bp`` and
            `others`.
        without: fields of it that may not.

    Raises:
        BasewiseError: no such file, no JSON object (with its line), or a value of another type.
    """
    if overrides is None:
        return {}
    where = "the overrides" if isinstance(overrides, Mapping) else str(overrides)
    stored = overrides if isinstance(overrides, Mapping) else read_object(Path(overrides))
    known = get_type_hints(config) | GENERAL | others
    known = {key: kind for key, kind in known.items() if key not in without}
    unknown = [key for key in stored if key not in known]
    if unknown:
        logger.warning(
            "%s: ignored %s, which change nothing here (%s)",
            where,
            ", ".join(map(str, unknown)),
            nearest(unknown[0], known),
        )
    given = {key: value for key, value in stored.items() if key in known}
    for key, value in given.items():
        check_kind(value, known[key], f"{where}: {key}")
    return given


def read_object(path: Path) -> dict:
    """Return the JSON object of a file.

    Raises:
        BasewiseError: no such file, not JSON (with its line), or no object.
    """
    if not path.is_file():
        raise BasewiseError(f"{path} does not exist")
    try:
        stored = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise BasewiseError(f"{path} line {error.lineno} is not JSON", found=error.msg) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise BasewiseError(f"{path} is not JSON", found=error) from None
    if not isinstance(stored, dict):
        raise BasewiseError(f"{path} is not a JSON object", found=type(stored).__name__)
    return stored


def check_kind(value: object, kind: type, where: str) -> None:
    """Refuse a value that is not of an annotated kind; a whole number is a number too.

    Raises:
        BasewiseError: names `where` and what it should be.
    """
    kinds = get_args(kind) or (kind,)
    is_legal = any(
        isinstance(value, (int, float) if one is float else one)
        and (one is bool or not isinstance(value, bool))
        for one in kinds
    )
    if list in kinds and isinstance(value, list):
        is_legal = bool(value) and all(isinstance(name, str) for name in value)
    if not is_legal:
        expected = " or ".join(KINDS[one] for one in kinds)
        raise BasewiseError(
            f"{where} has a wrong type", found=repr(value), hint=f"It is {expected}."
        )
