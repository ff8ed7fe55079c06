"""The published SegmentNT, SegmentEnformer and SegmentBorzoi.

Sizes, contexts and training data: de Almeida et al. 2025, doi:10.1038/s41592-025-02881-2, and the
model cards.
"""

from dataclasses import replace

from basewise.labels import ELEMENT_NAMES, ELEMENTS
from basewise.models.zoo.files import pytree_files, torch_files
from basewise.models.zoo.language_models import HUMAN, NC, V2, trunk_of
from basewise.models.zoo.published_model import PublishedModel
from basewise.tiling import TileSpec

GENIC = tuple(element.name for element in ELEMENTS[:8] if element.name != "lncRNA")

_SEGMENT_NT = PublishedModel(
    name="segment_nt",
    family="segment_nt",
    parameters=562_492_595,
    architecture={
        "tokenizer": "v2_6mer",
        "trunk": trunk_of(
            V2,
            layers=29,
            embed_dim=1024,
            heads=16,
            ffn=4096,
            rows=4107,
            rescaling_factor=2.44140625,
        ),
    },
    context_bp=30_000,
    tile_spec=TileSpec(
        context_bp=30_000, halo_bp=2_500, length_multiple_bp=24, k=6, min_context_bp=480
    ),
    features=ELEMENT_NAMES,
    trained_tracks=ELEMENT_NAMES,
    species=HUMAN,
    trained_on="human",
    licence=NC,
    source="hf://InstaDeepAI/segment_nt",
    files=(pytree_files(2_250_000_000, "be6e88df", is_exact=False), *torch_files()),
)
_SIX_SPECIES = ("human", "mouse", "chicken", "fruit fly", "zebrafish", "worm")

SEGMENTATION_MODELS = (
    _SEGMENT_NT,
    replace(
        _SEGMENT_NT,
        name="segment_nt_multi_species",
        trained_tracks=GENIC,
        species=_SIX_SPECIES,
        trained_on=", ".join(_SIX_SPECIES),
        source="hf://InstaDeepAI/segment_nt_multi_species",
        files=(pytree_files(2_250_000_000, None, is_exact=False), *torch_files()),
    ),
)
