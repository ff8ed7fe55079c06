"""The reference's own inputs, weights, activations, losses and gradients of small models."""

import json

import jax
import numpy as np
import pytest

from basewise.checkpoints.binding_import import take_binding_arrays
from basewise.models.binding.model import build_binding_model
from basewise.models.enformer import Enformer
from basewise.models.one_hot_config import EnformerConfig
from basewise.training.binding_losses import BindingBatch

RENAMED = {"aa_embed_dim": "protein_dim", "contextual_embed_dim": "context_dim"}


def describe(variant: dict) -> dict:
    """The architecture of a variant of the manifest, in our words."""
    sizes = variant["enformer"]
    options = {
        RENAMED.get(name, name): value for name, value in variant.get("adapter_kwargs", {}).items()
    }
    trunk = {
        "embed_dim": sizes["dim"],
        "num_transformer_layers": sizes["depth"],
        "num_attention_heads": sizes["heads"],
        "target_length": sizes["target_length"],
        "attention_dim_key": sizes["attn_dim_key"],
        "num_downsamples": sizes["num_downsamples"],
        "dim_divisible_by": sizes["dim_divisible_by"],
        "final_pointwise": True,
    }
    if "finetune_output_heads" in options:
        options |= {"protein_dim": 20, "context_dim": 10, "latent_dim": 8, "latent_heads": 4}
    return {
        "trunk": {"family": "enformer", "architecture": {"trunk": trunk}},
        "adapter": {"trunk_dim": 2 * sizes["dim"], **options},
    }


@pytest.fixture(scope="session")
def describe_variant():
    """A function, variant of the manifest -> architecture."""
    return describe


@pytest.fixture(autouse=True)
def exact_matmuls():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(scope="session")
def manifest(shared) -> dict:
    return json.loads((shared / "goldens" / "golden_tf_bind_manifest.json").read_text())


class Golden:
    """One variant: its arrays, and the model with its weights."""

    def __init__(self, folder, manifest: dict, name: str, **options):
        with np.load(folder / f"golden_tf_bind_{name}.npz") as archive:
            self.arrays = dict(archive)
        self.variant = manifest["variants"][name]
        architecture = describe(self.variant)
        architecture["adapter"] |= options
        self.model = build_binding_model(architecture)
        self.weights = self.take("w/")

    def take(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays below a prefix, by the rest of their names."""
        return {k.removeprefix(prefix): v for k, v in self.arrays.items() if k.startswith(prefix)}

    @property
    def params(self) -> dict:
        return take_binding_arrays(self.weights, self.model)

    def embed(self, params: dict, seq: np.ndarray | None = None) -> jax.Array:
        """The trunk's embedding of the case's float rows, of any length."""
        trunk = self.enformer
        seq = self.arrays["in/seq"] if seq is None else seq
        return trunk.finish(params, trunk.embed(params, seq, whole_bins=False))

    @property
    def enformer(self) -> Enformer:
        """The trunk, which reads float rows and lengths that are no whole number of bins."""
        return Enformer(EnformerConfig(**describe(self.variant)["trunk"]["architecture"]["trunk"]))

    def batch(self, prefix: str = "in/") -> BindingBatch:
        """The examples of the case."""
        given = self.take(prefix)
        is_binary = self.model.config.binary_target
        return BindingBatch(
            given["seq"],
            given["aa_embed"],
            given["aa_mask"],
            given["contextual_embed"],
            given["binary_target" if is_binary else "target"],
            given["read_value"][:, 0],
            given["peaks_nr"][:, 0],
        )


@pytest.fixture(scope="session")
def load_golden(shared, manifest):
    """A function (variant, options that differ) -> Golden."""
    return lambda name, **options: Golden(shared / "goldens", manifest, name, **options)
