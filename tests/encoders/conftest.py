"""Small encoders with drawn weights, as checkpoints."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from basewise.models.zoo.encoders import ENCODERS, ESM_VOCABULARY

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "k", "##5", "##6", "##2", "liver", "|")
PIECES = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", *(f"▁{a}" for a in "ALGVSREDTIPKFQNYMHWCX"))
VOCABULARIES = {"esm": ESM_VOCABULARY, "bert": WORDS, "albert": PIECES}
SIZES = {"num_layers": 2, "embed_dim": 8, "attention_heads": 2, "key_size": 4, "ffn_embed_dim": 12}


@pytest.fixture(scope="session")
def make_encoder(tmp_path_factory) -> Callable[..., Path]:
    """A function (name in the zoo, changes to the architecture) -> a checkpoint of small size."""
    import jax

    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.families import build_skeleton

    def make(name: str, **changes) -> Path:
        published = ENCODERS[name]
        config = published.to_config() | {"revision": None}
        architecture = config["architecture"]
        vocabulary = VOCABULARIES[published.family]
        architecture["trunk"] |= SIZES | {"alphabet_size": len(vocabulary), "max_positions": 64}
        if architecture["trunk"].get("factorised_dim"):
            architecture["trunk"]["factorised_dim"] = 6
        architecture |= {"vocabulary": "\n".join(vocabulary), "max_tokens": 32} | changes
        rng = np.random.default_rng(7)
        params = jax.tree.map(
            lambda leaf: rng.normal(0, 0.5, leaf.shape).astype(np.float32), build_skeleton(config)
        )
        folder = tmp_path_factory.mktemp("encoders") / name
        save_checkpoint(folder, config, params)
        return folder

    return make
