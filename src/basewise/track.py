"""What one track is: its name, its kind, the range of its values, how to draw and name it."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from basewise.colours import BLUE
from basewise.errors import BasewiseError

KINDS = ("element", "binding")
HELD = {"uint8": (0.0, 1.0), "float16": (-65504.0, 65504.0)}  # lowest and highest of a dtype
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
UNSAFE = re.compile(r"[^\w.+\-]")  # a track's name becomes a file name


@dataclass(frozen=True)
class Track:
    """One track of a model.

    Attributes:
        name: Letters, digits, `_ . + -`; it names files.
        kind: "element" (a segmentation class) or "binding".
        value_range: Lowest and highest value.
        colour: "#RRGGBB".
        so_term: Sequence Ontology term, where there is one.
        description: One line for people.
    """

    name: str
    kind: str = "element"
    value_range: tuple[float, float] = (0.0, 1.0)
    colour: str = BLUE
    so_term: str | None = None
    description: str = ""

    def __post_init__(self):
        if not self.name or UNSAFE.search(self.name) or self.name.startswith("."):
            raise BasewiseError(
                "A track's name is not usable as a file name",
                found=repr(self.name),
                hint="Use letters, digits, '_', '.', '+' and '-'",
            )
        if self.kind not in KINDS:
            raise BasewiseError(
                f"Track {self.name}: unknown kind",
                found=repr(self.kind),
                hint=f"Use one of {', '.join(KINDS)}",
            )
        low, high = (float(value) for value in self.value_range)
        if not low < high:
            raise BasewiseError(
                f"Track {self.name}: value_range is not low < high", found=self.value_range
            )
        object.__setattr__(self, "value_range", (low, high))
        if not COLOUR.fullmatch(self.colour):
            raise BasewiseError(
                f"Track {self.name}: colour is not '#RRGGBB'", found=repr(self.colour)
            )

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self) | {"value_range": list(self.value_range)}

    @classmethod
    def from_dict(cls, values: Mapping) -> "Track":
        """The track of `to_dict`; an unknown key is an error."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise BasewiseError(
                f"Track {values.get('name')!r}: unknown key", found=", ".join(unknown)
            )
        if "name" not in values:
            raise BasewiseError("A track has no name", found=dict(values))
        return cls(**(dict(values) | {"value_range": tuple(values.get("value_range", (0, 1)))}))


def find_dtype(dtype: str, tracks: Iterable[Track]) -> str:
    """Return how values are stored: as asked for, but never signals as if they were probabilities.

    Of uint8, which holds 0 to 1 in steps, and of float16 float32 is left where a track's values go
    beyond.
    """
    lowest, highest = HELD.get(dtype, (-math.inf, math.inf))
    ranges = [track.value_range for track in tracks]
    return dtype if all(lowest <= low and high <= highest for low, high in ranges) else "float32"
