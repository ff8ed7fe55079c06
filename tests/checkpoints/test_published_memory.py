"""Importing takes the memory of one array, not of the file."""

import json
import subprocess
import sys

import joblib
import numpy as np
import pytest

from basewise.checkpoints.writer import write_floats
from basewise.models.families import build_skeleton
from basewise.models.parameters import flatten
from basewise.models.zoo import ZOO

SIZES = {"embed_dim": 1024, "attention_heads": 16, "ffn_embed_dim": 4096, "max_positions": 64}
HYPERPARAMS = {
    "k_for_kmers": 3,
    "embed_scale": 1.0,
    "emb_layer_norm_before": False,
    "token_dropout": False,
    "masking_ratio": 0.0,
    "masking_prob": 0.0,
    "add_bias_ffn": False,
    "ffn_activation_name": "swish",
    "use_glu_in_ffn": True,
    "use_rotary_embedding": True,
    "positional_embedding": None,
}
# What is held before the large import begins, and at its peak, in KiB.
PROGRAM = """
import resource, sys
from basewise.checkpoints.published import import_checkpoint
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
small, large, out, overrides = sys.argv[1:]
import_checkpoint(small, "codon_nt", out + "/small", overrides=overrides)
before = peak()
import_checkpoint(large, "codon_nt", out + "/large", overrides=overrides)
print(before, peak())
"""


def shapes_of(num_layers: int) -> dict[str, tuple[int, ...]]:
    config = ZOO["codon_nt"].to_config()
    config["architecture"]["trunk"] |= SIZES | {"num_layers": num_layers, "key_size": None}
    return {name: leaf.shape for name, leaf in flatten(build_skeleton(config)).items()}


def write_joblib(folder, num_layers, **how):
    tree = {}
    for name, shape in shapes_of(num_layers).items():
        module, _, leaf = name.partition("|")
        tree.setdefault(module, {})[leaf] = np.zeros(shape, np.float32)
    joblib.dump(tree, folder / "pytree_ckpt.joblib", **how)
    said = HYPERPARAMS | SIZES | {"num_layers": num_layers}
    (folder / "hyperparams.json").write_text(json.dumps(said))


def write_torch(folder, num_layers, torch_writer):
    views = {n: np.broadcast_to(np.float32(0), s) for n, s in shapes_of(num_layers).items()}
    state = torch_writer.to_torch(views)
    arrays = ((name, np.zeros(array.shape, np.float32)) for name, array in state.items())
    shapes = {name: array.shape for name, array in state.items()}
    write_floats(folder / "model.safetensors", shapes, arrays)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["joblib", "compressed", "safetensors"])
def test_a_large_file_is_streamed(tmp_path, torch_writer, layout):
    for name, num_layers in (("small", 1), ("large", 5)):
        folder = tmp_path / name
        folder.mkdir()
        if layout == "safetensors":
            write_torch(folder, num_layers, torch_writer)
        else:
            write_joblib(folder, num_layers, compress=1 if layout == "compressed" else 0)
    overrides = tmp_path / "o.json"
    overrides.write_text(json.dumps(SIZES))
    arguments = [str(tmp_path / name) for name in ("small", "large", "out")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, str(overrides)],
        capture_output=True,
        text=True,
        check=True,
    )
    before, peak = map(int, done.stdout.split())
    n_bytes = (tmp_path / "out/large/params.safetensors").stat().st_size
    assert n_bytes > 300e6
    assert (peak - before) * 1024 < n_bytes / 8
