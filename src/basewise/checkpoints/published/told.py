"""What an array tells of a model's configuration."""

from collections.abc import Mapping
from typing import NamedTuple

Shapes = Mapping[str, tuple[int, ...]]


class Told(NamedTuple):
    """What one array tells: its name, and the value."""

    array: str
    value: int | bool | str | None


def read_axes(shapes: Shapes, places: Mapping[str, tuple[str, int]]) -> dict[str, Told]:
    """Return the lengths of axes, by key; nothing of arrays that are missing or bent."""
    return {
        key: Told(array, shapes[array][axis])
        for key, (array, axis) in places.items()
        if len(shapes.get(array, ())) > axis
    }
