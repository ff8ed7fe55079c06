"""The published Nucleotide Transformers, AgroNT and Codon-NT.

Sizes, contexts and training data: Dalla-Torre et al. 2025, doi:10.1038/s41592-024-02523-z;
Mendoza-Revilla et al. 2024, doi:10.1038/s42003-024-06465-2; the model cards.
"""

from basewise.models.zoo.files import pytree_files, torch_files
from basewise.models.zoo.published_model import PublishedModel
from basewise.tokenizers import TOKENIZERS

NC = "CC-BY-NC-SA-4.0"
COMMON = {
    "pad_token_id": 1,
    "mask_token_id": 2,
    "embed_scale": 1.0,
    "emb_layer_norm_before": False,
    "pre_layer_norm": True,
    "add_bias_kv": False,
    "rescaling_factor": None,
    "layer_norm_eps": 1e-5,
    "lm_head": True,
}
V1 = {
    "max_positions": 1000,
    "positional_embedding": "learned",
    "use_rotary_embedding": False,
    "add_bias_ffn": True,
    "use_glu_in_ffn": False,
    "ffn_activation_name": "gelu-no-approx",
    "token_dropout": True,
    "masking_ratio": 0.15,
    "masking_prob": 0.8,
}
V2 = {
    "max_positions": 2048,
    "positional_embedding": None,
    "use_rotary_embedding": True,
    "add_bias_ffn": False,
    "use_glu_in_ffn": True,
    "ffn_activation_name": "swish",
    "token_dropout": False,
    "masking_ratio": 0.0,
    "masking_prob": 0.0,
}
HUMAN = ("human",)
MULTI_SPECIES = ("vertebrates", "invertebrates", "fungi", "protists", "bacteria")


def trunk_of(
    kind: dict, *, layers: int, embed_dim: int, heads: int, ffn: int, rows: int, **others
) -> dict:
    """Return the architecture's ``trunk``: a kind of transformer in a size."""
    return {
        "alphabet_size": rows,
        "embed_dim": embed_dim,
        "attention_heads": heads,
        "key_size": embed_dim // heads,
        "ffn_embed_dim": ffn,
        "num_layers": layers,
        **COMMON,
        **kind,
        **others,
    }


def context_of(tokenizer: str, max_positions: int) -> int:
    """Return the bp that `max_positions` tokens hold when the first of them is CLS."""
    return (max_positions - 1) * TOKENIZERS[tokenizer].k


def _language_model(
    name: str,
    repository: str,
    parameters: int,
    tokenizer: str,
    kind: dict,
    sizes: tuple[int, int, int, int],
    published: tuple[int, str],
    *,
    species: tuple[str, ...] = MULTI_SPECIES,
    trained_on: str = "850 species",
) -> PublishedModel:
    layers, embed_dim, heads, ffn = sizes
    rows = TOKENIZERS[tokenizer].embedding_rows
    trunk = trunk_of(kind, layers=layers, embed_dim=embed_dim, heads=heads, ffn=ffn, rows=rows)
    return PublishedModel(
        name=name,
        family="nucleotide_transformer",
        parameters=parameters,
        architecture={"tokenizer": tokenizer, "trunk": trunk},
        context_bp=context_of(tokenizer, trunk["max_positions"]),
        species=species,
        trained_on=trained_on,
        licence=NC,
        source=f"hf://InstaDeepAI/{repository}",
        files=(pytree_files(*published), *torch_files()),
    )


_NT = "nucleotide-transformer"
_GENOMES_1000 = "3,202 human genomes"
_500M_V1, _2B5_V1 = (24, 1280, 20, 5120), (32, 2560, 20, 10240)

LANGUAGE_MODELS = (
    _language_model(
        "500M_human_ref",
        f"{_NT}-500m-human-ref",
        485_698_825,
        "v1_6mer",
        V1,
        _500M_V1,
        (1_942_829_475, "706a1ffd"),
        species=HUMAN,
        trained_on="human",
    ),
    _language_model(
        "500M_1000G",
        f"{_NT}-500m-1000g",
        485_698_825,
        "v1_6mer",
        V1,
        _500M_V1,
        (1_942_829_475, "b9380920"),
        species=HUMAN,
        trained_on=_GENOMES_1000,
    ),
    _language_model(
        "2B5_1000G",
        f"{_NT}-2.5b-1000g",
        2_547_800_585,
        "v1_6mer",
        V1,
        _2B5_V1,
        (9_485_365_720, "718cdaca"),
        species=HUMAN,
        trained_on=_GENOMES_1000,
    ),
    _language_model(
        "2B5_multi_species",
        f"{_NT}-2.5b-multi-species",
        2_547_800_585,
        "v1_6mer",
        V1,
        _2B5_V1,
        (9_486_495_154, "c1ac445e"),
    ),
    *(
        _language_model(
            f"{size}_multi_species_v2",
            f"{_NT}-v2-{size.lower()}-multi-species",
            parameters,
            "v2_6mer",
            V2,
            sizes,
            published,
        )
        for size, parameters, sizes, published in (
            ("50M", 54_855_179, (12, 512, 16, 2048), (219_437_507, "3015d191")),
            ("100M", 96_839_179, (22, 512, 16, 2048), (387_386_947, "52174442")),
            ("250M", 233_545_995, (24, 768, 16, 3072), (934_216_899, "0ac57944")),
            ("500M", 496_245_771, (29, 1024, 16, 4096), (1_985_022_723, "51d30ffd")),
        )
    ),
    _language_model(
        "1B_agro_nt",
        "agro-nucleotide-transformer-1b",
        991_260_405,
        "v1_6mer",
        {**V1, "max_positions": 1024, "token_dropout": False},
        (40, 1500, 20, 5120),
        (3_965_106_595, "1499f2c7"),
        species=("plants",),
        trained_on="48 plant species",
    ),
    _language_model(
        "codon_nt",
        f"{_NT}-v2-50m-3mer-multi-species",
        50_722_379,
        "v2_3mer",
        V2,
        (12, 512, 16, 2048),
        (202_906_307, "88987786"),
    ),
)
