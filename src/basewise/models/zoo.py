"""The published models this version runs, as their publishers describe them.

Sizes, contexts and training data: de Almeida et al. 2025, doi:10.1038/s41592-025-02881-2, and the
model cards.
"""

from dataclasses import asdict, dataclass, replace

from basewise.labels import ELEMENTS
from basewise.models.describe import element_tracks
from basewise.models.trunk_config import NucleotideTransformerConfig
from basewise.tiling import TileSpec

NC = "CC-BY-NC-SA-4.0"
GENIC = ELEMENTS[:8]
V2_500M = NucleotideTransformerConfig(
    alphabet_size=4107,
    embed_dim=1024,
    attention_heads=16,
    ffn_embed_dim=4096,
    num_layers=29,
    max_positions=2048,
    positional_embedding=None,
    use_rotary_embedding=True,
    rescaling_factor=2.44140625,
    add_bias_ffn=False,
    use_glu_in_ffn=True,
    ffn_activation_name="swish",
    masking_ratio=0.0,
    masking_prob=0.0,
)


@dataclass(frozen=True)
class PublishedModel:
    """One published model.

    Attributes:
        parameters: number of scalars in its checkpoint.
        trained_tracks: names of the tracks its publishers trained; others are noise.
        species: what it was trained on.
        sha256_prefix: how the published file's sha256 begins, where it is known.
    """

    name: str
    family: str
    parameters: int
    trunk: NucleotideTransformerConfig
    tile_spec: TileSpec
    features: tuple[str, ...]
    trained_tracks: tuple[str, ...]
    species: tuple[str, ...]
    licence: str
    source: str
    file: str
    sha256_prefix: str | None = None

    def to_row(self) -> dict:
        """Return the fields people compare, as plain values."""
        return {
            "name": self.name,
            "family": self.family,
            "parameters": self.parameters,
            "context_bp": self.tile_spec.context_bp,
            "alphabet": self.tile_spec.alphabet,
            "tracks": len(self.trained_tracks),
            "trained_tracks": ",".join(self.trained_tracks),
            "species": ",".join(self.species),
            "licence": self.licence,
            "source": self.source,
            "file": self.file,
            "sha256_prefix": self.sha256_prefix or "",
        }

    def to_config(self) -> dict:
        """Return the config.json of a checkpoint of this model (without revision)."""
        return {
            "name": self.name,
            "family": self.family,
            "source": self.source,
            "licence": self.licence,
            "species": list(self.species),
            "architecture": {
                "tokenizer": "v2_6mer",
                "features": list(self.features),
                "trunk": asdict(self.trunk),
            },
            "tile_spec": self.tile_spec.to_dict(),
            "tracks": [track.to_dict() for track in element_tracks(self.features)],
            "untrained_tracks": [f for f in self.features if f not in self.trained_tracks],
        }


_ALL = tuple(element.name for element in ELEMENTS)
_SEGMENT_NT = PublishedModel(
    name="segment_nt",
    family="segment_nt",
    parameters=562_492_595,
    trunk=V2_500M,
    tile_spec=TileSpec(
        context_bp=30_000, halo_bp=2_500, length_multiple_bp=24, k=6, min_context_bp=480
    ),
    features=_ALL,
    trained_tracks=_ALL,
    species=("human",),
    licence=NC,
    source="hf://InstaDeepAI/segment_nt",
    file="jax_model/pytree_ckpt.joblib",
    sha256_prefix="be6e88df",
)
ZOO = {
    model.name: model
    for model in (
        _SEGMENT_NT,
        replace(
            _SEGMENT_NT,
            name="segment_nt_multi_species",
            trained_tracks=tuple(element.name for element in GENIC if element.name != "lncRNA"),
            species=("human", "mouse", "chicken", "fruit fly", "zebrafish", "worm"),
            source="hf://InstaDeepAI/segment_nt_multi_species",
            sha256_prefix=None,
        ),
    )
}
