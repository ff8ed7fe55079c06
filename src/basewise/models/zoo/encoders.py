"""The published encoders of proteins and text, as their publishers describe them.

ESM-2: Lin et al. 2023, doi:10.1126/science.ade2574; ESM-1b: Rives et al. 2021,
doi:10.1073/pnas.2016239118; ProtAlbert: Elnaggar et al. 2022, doi:10.1109/TPAMI.2021.3095381;
PubMedBERT: Gu et al. 2021, doi:10.1145/3458754. The files are those of transformers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from basewise.models.zoo.files import FileSet, PublishedFile, torch_files

# ids are places in it; the last but one is a filler
ESM_VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)
ESM_SPECIALS = {"start": "<cls>", "pad": "<pad>", "end": "<eos>", "unknown": "<unk>"}
BERT_SPECIALS = {"start": "[CLS]", "pad": "[PAD]", "end": "[SEP]", "unknown": "[UNK]"}
ALBERT_SPECIALS = {"start": "[CLS]", "pad": "<pad>", "end": "[SEP]", "unknown": "<unk>"}
MAX_RESIDUE_TOKENS = 1024

COMMON = {
    "embed_scale": 1.0,
    "add_bias_ffn": True,
    "use_glu_in_ffn": False,
    "add_bias_kv": False,
    "lm_head": False,
}
ESM = COMMON | {
    "alphabet_size": 33,
    "max_positions": MAX_RESIDUE_TOKENS,
    "pad_token_id": 1,
    "mask_token_id": 32,
    "ffn_activation_name": "gelu-no-approx",
    "pre_layer_norm": True,
    "token_dropout": True,
    "masking_ratio": 0.15,
    "masking_prob": 0.8,
    "layer_norm_eps": 1e-5,
}
ESM_1B = ESM | {"positional_embedding": "learned", "emb_layer_norm_before": True}
ESM_2 = ESM | {"positional_embedding": None, "use_rotary_embedding": True}
BERT = COMMON | {
    "positional_embedding": "absolute",
    "token_types": 2,
    "emb_layer_norm_before": True,
    "emb_layer_norm_after": False,
    "pre_layer_norm": False,
    "pad_token_id": 0,
    "mask_token_id": 4,
    "layer_norm_eps": 1e-12,
}


@dataclass(frozen=True)
class PublishedEncoder:
    """One published encoder.

    Attributes:
        family: which names its arrays have: esm, bert or albert.
        parameters: number of scalars that encode; heads and poolers are not counted.
        architecture: what it is built of, as config.json holds it: ``kind`` (protein or text),
            ``trunk``, ``specials``, ``max_tokens`` (that one sequence or text may have, specials
            counted), ``keeps_specials`` (whether they are among the tokens it gives), ``cuts_end``
            (whether what is too long loses its end token first), ``read_as_x`` (letters of
            proteins that its authors replace) and, once imported, ``vocabulary``, a token per
            line.
        source: ``hf://OWNER/NAME``.
        files: the accepted sets of published files, the preferred one first.
    """

    name: str
    family: str
    parameters: int
    architecture: Mapping
    trained_on: str
    licence: str
    source: str
    files: tuple[FileSet, ...]

    @property
    def kind(self) -> str:
        """What it encodes: protein or text."""
        return self.architecture["kind"]

    def to_row(self) -> dict:
        """Return the fields people compare, as plain values."""
        return {
            "name": self.name,
            "family": self.family,
            "parameters": self.parameters,
            "encodes": self.kind,
            "dim": self.architecture["trunk"]["embed_dim"],
            "max_tokens": self.architecture["max_tokens"],
            "trained_on": self.trained_on,
            "licence": self.licence,
            "source": self.source,
        }

    def to_config(self) -> dict:
        """Return the config.json of a checkpoint of this encoder (without revision)."""
        trunk = dict(self.architecture["trunk"])
        return {
            "name": self.name,
            "family": self.family,
            "source": self.source,
            "licence": self.licence,
            "species": [],
            "trained_on": self.trained_on,
            "architecture": {**self.architecture, "trunk": trunk},
            "tile_spec": None,
            "tracks": [],
        }


def _files(*vocabularies: str) -> tuple[FileSet, ...]:
    others = tuple(PublishedFile(name) for name in vocabularies)
    return tuple(replace(files, others=others) for files in torch_files())


def _sizes(layers: int, embed_dim: int, heads: int) -> dict:
    return {
        "num_layers": layers,
        "embed_dim": embed_dim,
        "attention_heads": heads,
        "ffn_embed_dim": 4 * embed_dim,
    }


def _esm(
    name: str, repository: str, parameters: int, kind: dict, sizes: tuple[int, int, int]
) -> PublishedEncoder:
    return PublishedEncoder(
        name=name,
        family="esm",
        parameters=parameters,
        architecture={
            "kind": "protein",
            "trunk": kind | _sizes(*sizes),
            "specials": ESM_SPECIALS,
            "max_tokens": MAX_RESIDUE_TOKENS,
            "keeps_specials": False,
            "cuts_end": True,
            "read_as_x": "",
        },
        trained_on="UniRef50",
        licence="MIT",
        source=f"hf://facebook/{repository}",
        files=_files("vocab.txt"),
    )


PROT_ALBERT = PublishedEncoder(
    name="prot_albert",
    family="albert",
    parameters=207_033_088,
    architecture={
        "kind": "protein",
        "trunk": BERT
        | _sizes(12, 4096, 64)
        | {
            "alphabet_size": 34,
            "max_positions": 40_000,
            "factorised_dim": 128,
            "shared_layers": True,
            "ffn_activation_name": "gelu",  # of tanh: transformers' gelu_new
        },
        "specials": ALBERT_SPECIALS,
        "max_tokens": 2048,
        "keeps_specials": True,
        "cuts_end": False,
        "read_as_x": "UZOB",
    },
    trained_on="UniRef100",
    licence="AFL-3.0",
    source="hf://Rostlab/prot_albert",
    files=_files("tokenizer.json", "spiece.model", "vocab.txt"),
)
PUBMEDBERT = PublishedEncoder(
    name="pubmedbert",
    family="bert",
    parameters=108_891_648,
    architecture={
        "kind": "text",
        "trunk": BERT
        | _sizes(12, 768, 12)
        | {
            "alphabet_size": 30_522,
            "max_positions": 512,
            "ffn_activation_name": "gelu-no-approx",
        },
        "specials": BERT_SPECIALS,
        "max_tokens": 256,
        "keeps_specials": True,
        "cuts_end": False,
    },
    trained_on="abstracts of PubMed",
    licence="MIT",
    source="hf://microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
    files=_files("vocab.txt", "tokenizer.json"),
)

ENCODERS: dict[str, PublishedEncoder] = {
    encoder.name: encoder
    for encoder in (
        *(
            _esm(f"esm2_{size}", f"esm2_{size}_UR50D", parameters, ESM_2, sizes)
            for size, parameters, sizes in (
                ("t6_8M", 7_408_960, (6, 320, 20)),
                ("t12_35M", 33_269_280, (12, 480, 20)),
                ("t30_150M", 147_728_000, (30, 640, 20)),
                ("t33_650M", 649_400_320, (33, 1280, 20)),
                ("t36_3B", 2_832_442_880, (36, 2560, 40)),
            )
        ),
        _esm("esm1b", "esm1b_t33_650M_UR50S", 650_716_160, ESM_1B, (33, 1280, 20)),
        PROT_ALBERT,
        PUBMEDBERT,
    )
}
