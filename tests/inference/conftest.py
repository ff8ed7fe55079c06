"""Language models as checkpoints: the reference's own parameters, and small random ones."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from basewise.models.trunk_config import NucleotideTransformerConfig

TOKENIZER = {"v1": "v1_6mer", "agro": "v1_6mer", "v2": "v2_6mer", "codon": "v2_3mer"}
SMALL = {
    "alphabet_size": 75,
    "embed_dim": 12,
    "attention_heads": 3,
    "ffn_embed_dim": 16,
    "num_layers": 3,
    "max_positions": 40,
}


class Golden(NamedTuple):
    """A reference case as a checkpoint, with its inputs, outputs and tokens as letters."""

    checkpoint: Path
    tokens: np.ndarray
    outputs: dict
    config: dict
    tokenizer: object

    def spell(self, row: int) -> str | None:
        """The letters that a row of tokens stands for; None if it holds masks."""
        tokenizer = self.tokenizer
        letters = []
        for token in self.tokens[row, 1:].tolist():
            if token == 2:
                return None
            if token == 1:
                break
            if token >= tokenizer.letter_offset:
                letters.append("ATCGN"[token - tokenizer.letter_offset])
            else:
                digits = token - tokenizer.kmer_offset
                places = [digits // 4**i % 4 for i in reversed(range(tokenizer.k))]
                letters += ["ATCG"[digit] for digit in places]
        return "".join(letters)

    def heads(self) -> dict[tuple[int, int], np.ndarray]:
        """The attention maps by (layer, 0-based head), as the reference numbers them."""
        maps = {}
        for key, value in self.outputs.items():
            if key.startswith("attention_map_layer_"):
                layer, number = key.removeprefix("attention_map_layer_").split("_number_")
                last = self.config["attention_heads"] - 1
                maps[int(layer), min(int(number) + 1, last)] = value
        return maps


def describe_language_model(name: str, tokenizer: str, trunk: dict) -> dict:
    """The config.json of a language model."""
    return {
        "name": name,
        "family": "nucleotide_transformer",
        "revision": "1",
        "source": "made by the tests",
        "licence": "MIT",
        "species": ["nothing"],
        "architecture": {"tokenizer": tokenizer, "trunk": trunk},
        "tile_spec": None,
        "tracks": [],
    }


@pytest.fixture(scope="session")
def golden(shared, tmp_path_factory):
    """A function name -> Golden; "segment" has its tracks too."""
    from basewise.checkpoints.published.names import normalise_name
    from basewise.checkpoints.store import save_checkpoint
    from basewise.models import parameters
    from basewise.models.describe import describe_segment_nt
    from basewise.models.families import build_skeleton
    from basewise.tiling import TileSpec
    from basewise.tokenizers import TOKENIZERS

    manifest = json.loads((shared / "goldens" / "golden_nt_manifest.json").read_text())["cases"]

    def make(name: str) -> Golden:
        with np.load(shared / "goldens" / f"golden_nt_{name}.npz") as archive:
            arrays = dict(archive)
        config = manifest[name]["config"]
        known = NucleotideTransformerConfig.__dataclass_fields__
        trunk = asdict(
            NucleotideTransformerConfig(**{k: v for k, v in config.items() if k in known})
        )
        if name == "segment":
            described = describe_segment_nt(
                name, config["features"], trunk, TileSpec(96, halo_bp=12, length_multiple_bp=24),
                species=["nothing"], source="the reference", licence="none",
            )  # fmt: skip
        else:
            described = describe_language_model(name, TOKENIZER[name], trunk)
        flat = {
            normalise_name(key.removeprefix("p:")): value
            for key, value in arrays.items()
            if key.startswith("p:")
        }
        folder = tmp_path_factory.mktemp("golden") / name
        save_checkpoint(folder, described, parameters.unflatten(flat, build_skeleton(described)))
        outputs = {key[2:]: value for key, value in arrays.items() if key.startswith("o:")}
        tokenizer = TOKENIZERS[described["architecture"]["tokenizer"]]
        return Golden(folder, arrays["i:tokens"], outputs, config, tokenizer)

    return make


@pytest.fixture(scope="session")
def make_language_model(tmp_path_factory, draw_params):
    """A function (trunk fields) -> a checkpoint of a random language model over 3-mers."""
    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.families import build_language_model

    def make(tokenizer: str = "v2_3mer", **trunk) -> Path:
        config = describe_language_model("small", tokenizer, SMALL | trunk)
        params = draw_params(build_language_model(config).init, seed=12, factor=1.5)
        folder = tmp_path_factory.mktemp("language_models") / "small"
        save_checkpoint(folder, config, params)
        return folder

    return make


@pytest.fixture(scope="session")
def language_model(make_language_model) -> Path:
    """A rotary language model over 3-mers that may read any length, trained on 40 tokens."""
    return make_language_model(use_rotary_embedding=True, positional_embedding=None)
