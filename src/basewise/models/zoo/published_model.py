"""What is known of a published model before any of its files is there. No JAX here."""

from collections.abc import Mapping
from dataclasses import dataclass

from basewise.models.describe import element_tracks
from basewise.models.zoo.files import FileSet
from basewise.tiling import TileSpec
from basewise.tokenizers import TOKENIZERS


@dataclass(frozen=True)
class PublishedModel:
    """One published model.

    Attributes:
        parameters: number of scalars in its published tree, running averages not counted.
        architecture: what its family builds it of, as config.json holds it.
        context_bp: longest sequence it was trained on.
        tile_spec: geometry of its tiles; None for a language model.
        features: channels of its segmentation head, in order.
        trained_tracks: those its publishers trained; the others are noise.
        species: names or groups of `basewise.species` it was trained on.
        trained_on: the same for people.
        source: ``hf://OWNER/NAME``.
        files: the accepted sets of published files, the preferred one first.
    """

    name: str
    family: str
    parameters: int
    architecture: Mapping
    context_bp: int
    species: tuple[str, ...]
    trained_on: str
    licence: str
    source: str
    files: tuple[FileSet, ...]
    tile_spec: TileSpec | None = None
    features: tuple[str, ...] = ()
    trained_tracks: tuple[str, ...] = ()

    @property
    def alphabet(self) -> str:
        """How it reads bases: the k of its k-mers, or one-hot."""
        if "tokenizer" in self.architecture:
            return f"{TOKENIZERS[self.architecture['tokenizer']].k}-mer"
        return "one-hot"

    @property
    def trunk(self):
        """The checked configuration of a k-mer model's transformer."""
        from basewise.models.trunk_config import NucleotideTransformerConfig  # it imports JAX

        return NucleotideTransformerConfig(**self.architecture["trunk"])

    def to_row(self) -> dict:
        """Return the fields people compare, as plain values.

        In the last three a semicolon parts the accepted sets of files, a comma the files of a set;
        ``~`` marks a size that is known only roughly.
        """
        return {
            "name": self.name,
            "family": self.family,
            "parameters": self.parameters,
            "context_bp": self.context_bp,
            "alphabet": self.alphabet,
            "tracks": len(self.trained_tracks),
            "species": self.trained_on,
            "licence": self.licence,
            "source": self.source,
            "trained_tracks": ",".join(self.trained_tracks),
            "untrained_tracks": ",".join(self.untrained_tracks),
            "files": _join(self.files, lambda file: file.path),
            "file_bytes": _join(self.files, lambda file: file.size_text),
            "sha256_prefixes": _join(self.files, lambda file: file.sha256_prefix or ""),
        }

    @property
    def untrained_tracks(self) -> tuple[str, ...]:
        """The channels of its head that nobody trained."""
        return tuple(name for name in self.features if name not in self.trained_tracks)

    def to_config(self) -> dict:
        """Return the config.json of a checkpoint of this model (without revision)."""
        architecture = dict(self.architecture)
        if "trunk" in architecture:
            architecture["trunk"] = dict(architecture["trunk"])
        if self.features:
            architecture["features"] = list(self.features)
        return {
            "name": self.name,
            "family": self.family,
            "source": self.source,
            "licence": self.licence,
            "species": list(self.species),
            "trained_on": self.trained_on,
            "context_bp": self.context_bp,
            "architecture": architecture,
            "tile_spec": self.tile_spec.to_dict() if self.tile_spec else None,
            "tracks": [track.to_dict() for track in element_tracks(self.features)],
            "untrained_tracks": list(self.untrained_tracks),
        }


def _join(sets, column) -> str:
    return ";".join(",".join(column(file) for file in files.members) for files in sets)
