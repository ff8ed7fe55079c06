"""What a track is called, what its values mean and how it is drawn."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Track:
    """Metadata of one track of values along a genome.

    Attributes:
        kind: "element" or "binding".
        value_range: least and greatest value.
        colour: "#RRGGBB".
        so_term: Sequence Ontology term of its calls, where there is one.
    """

    name: str
    kind: str = "element"
    value_range: tuple[float, float] = (0.0, 1.0)
    colour: str = "#000000"
    so_term: str | None = None
    description: str = ""

    def to_dict(self) -> dict:
        """Return the fields as JSON values."""
        return {**asdict(self), "value_range": list(self.value_range)}

    @classmethod
    def from_dict(cls, fields: dict) -> "Track":
        """Return the track that ``to_dict`` described."""
        return cls(**{**fields, "value_range": tuple(fields.get("value_range", (0.0, 1.0)))})
