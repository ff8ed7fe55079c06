"""The published SegmentNT, SegmentEnformer and SegmentBorzoi.

Sizes, contexts and training data: de Almeida et al. 2025, doi:10.1038/s41592-025-02881-2, and the
model cards.
"""

from dataclasses import replace

from basewise.labels import ELEMENT_NAMES, ELEMENTS
from basewise.models.zoo.files import params_and_state_files, pytree_files, torch_files
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


def _one_hot_model(
    family: str,
    parameters: int,
    trunk: dict,
    tile_spec: TileSpec,
    *,
    nucl_per_token: int,
    params_bytes: int,
    safetensors_bytes: int,
) -> PublishedModel:
    return PublishedModel(
        name=family,
        family=family,
        parameters=parameters,
        architecture={
            "trunk": trunk,
            "nucl_per_token": nucl_per_token,
            "head_embed_dimension": 1536,
        },
        context_bp=tile_spec.context_bp,
        tile_spec=tile_spec,
        features=ELEMENT_NAMES,
        trained_tracks=ELEMENT_NAMES,
        species=HUMAN,
        trained_on="human",
        licence=NC,
        source=f"hf://InstaDeepAI/{family}",
        files=(params_and_state_files(params_bytes), *torch_files(safetensors_bytes)),
    )


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
    _one_hot_model(
        "segment_enformer",
        405_387_052,
        {
            "embed_dim": 1536,
            "num_transformer_layers": 11,
            "num_attention_heads": 8,
            "target_length": 896,
            "attention_dim_key": 64,
            "num_downsamples": 7,
            "dim_divisible_by": 128,
        },
        TileSpec(
            context_bp=196_608, halo_bp=16_384, length_multiple_bp=512, alphabet="onehot", k=1
        ),
        nucl_per_token=128,
        params_bytes=1_620_000_000,
        safetensors_bytes=1_517_283_436,
    ),
    _one_hot_model(
        "segment_borzoi",
        337_693_403,
        {
            "int_embed_dim": 512,
            "res_tower_embed_dim_init": 608,
            "embed_dim": 1536,
            "num_transformer_layers": 8,
            "num_attention_heads": 8,
            "target_length": 6144,
            "attention_dim_key": 64,
            "num_rel_pos_features": 32,
            "num_downsamples": 7,
            "dim_divisible_by": 32,
            "num_unet_conv": 2,
            "final_conv_block_embed_dim": 1920,
        },
        TileSpec(  # of the central 196,608 bp that it predicts, as much is kept as of Enformer's
            context_bp=524_288,
            halo_bp=180_224,
            margin_bp=163_840,
            length_multiple_bp=128,
            alphabet="onehot",
            k=1,
        ),
        nucl_per_token=32,
        params_bytes=1_350_000_000,
        safetensors_bytes=1_292_415_088,
    ),
)
