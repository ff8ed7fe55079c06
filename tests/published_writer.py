"""Writes the reference's small models as the files that a published model comes in."""

import json
import re
from pathlib import Path

import joblib
import numpy as np

CASES = {
    "500M_human_ref": "v1",
    "500M_1000G": "v1",
    "2B5_1000G": "v1",
    "2B5_multi_species": "v1",
    "50M_multi_species_v2": "v2",
    "100M_multi_species_v2": "v2",
    "250M_multi_species_v2": "v2",
    "500M_multi_species_v2": "v2",
    "1B_agro_nt": "agro",
    "codon_nt": "codon",
    "segment_nt": "segment",
    "segment_nt_multi_species": "segment",
    "segment_enformer": "enformer",
    "segment_borzoi": "borzoi",
}
PREFIXES = {"v1": "esm_transformer", "v2": "esm_transformer", "codon": "esm_transformer"}
PREFIXES |= {"agro": "nucleotide_transformer1B_agro_nt", "segment": "dcnuc_v2_500M_multi_species"}
HEAD = "u_net_head"
CONTEXTS = {"segment": 96, "enformer": 256, "borzoi": 512}
OPTIONAL = ("add_bias_ffn", "ffn_activation_name", "use_glu_in_ffn", "use_rotary_embedding")
OPTIONAL += ("positional_embedding", "rescaling_factor", "features")
SIZES = ("max_positions", "attention_heads", "embed_dim", "ffn_embed_dim", "num_layers")
SIZES += ("token_dropout", "masking_ratio", "masking_prob")


class Reference:
    """One case of the reference: parameters, statistics, inputs, outputs, configuration."""

    def __init__(self, goldens: Path, case: str):
        manifest = json.loads((goldens / "golden_nt_manifest.json").read_text())
        self.case, self.config = case, manifest["cases"][case]["config"]
        with np.load(goldens / f"golden_nt_{case}.npz") as archive:
            self.arrays = dict(archive)

    @property
    def is_one_hot(self) -> bool:
        return self.case in ("enformer", "borzoi")

    def tree(self, kind: str) -> dict[str, dict[str, np.ndarray]]:
        """The ``p`` or ``s`` arrays as published: ``{module: {leaf: array}}``."""
        tree = {}
        for key, array in self.arrays.items():
            if key.startswith(f"{kind}:"):
                module, _, leaf = key[2:].partition("|")
                tree.setdefault(self._publish(module), {})[leaf] = array
        return tree

    def _publish(self, module: str) -> str:
        if self.is_one_hot:
            return module
        own, _, path = module.partition("/")
        return f"{HEAD if own.endswith('_1') else PREFIXES[self.case]}/{path}"

    def hyperparams(self) -> dict:
        """The hyperparams.json of a k-mer model, with keys that nobody reads too."""
        config = self.config
        return {
            "k_for_kmers": 3 if self.case == "codon" else 6,
            "embed_scale": 1.0,
            "emb_layer_norm_before": False,
            "alphabet_size": 1,
            "model_num_parameters": 1,
            **{key: config[key] for key in SIZES},
            **{key: config[key] for key in OPTIONAL if key in config},
        }

    def overrides(self) -> dict:
        """What ``--config`` may say: the reference's own configuration, and the context."""
        context = {"context_bp": CONTEXTS[self.case]} if self.case in CONTEXTS else {}
        return self.config | context


def to_old_names(module: str) -> str:
    module = re.sub(r"(attention_layer_\d+/~/)self_attention(?=/)", r"\1mha", module)
    module = module.replace("self_attention_layer_norm", "mha_layer_norm")
    return module.replace("roberta_lm_head", "esm_roberta_lm_head")


def write_joblib(reference: Reference, folder: Path, *, rename=None, convert=None, **how) -> None:
    """Write ``jax_model/``: pytree_ckpt.joblib and hyperparams.json, or params and state."""
    inner = folder / "jax_model"
    inner.mkdir(parents=True)
    trees = {"params": reference.tree("p"), "state": reference.tree("s")}
    if rename:
        trees["params"] = {rename(module): held for module, held in trees["params"].items()}
    if convert:
        trees = {
            name: {m: {leaf: convert(a) for leaf, a in held.items()} for m, held in tree.items()}
            for name, tree in trees.items()
        }
    if reference.is_one_hot:
        for name, tree in trees.items():
            joblib.dump(tree, inner / f"{name}.joblib", **how)
        return
    joblib.dump(trees["params"], inner / "pytree_ckpt.joblib", **how)
    (inner / "hyperparams.json").write_text(json.dumps(reference.hyperparams()))


def write_torch(reference: Reference, folder: Path, writer, kind: str) -> None:
    """Write model.safetensors or pytorch_model.bin, as `writer` (tests/torch_writer.py) does."""
    folder.mkdir(parents=True)
    state = writer.to_torch(writer.flat_names(reference.arrays), with_unused=True)
    name, write = {
        "safetensors": ("model.safetensors", writer.safetensors_bytes),
        "bin": ("pytorch_model.bin", writer.bin_bytes),
    }[kind]
    (folder / name).write_bytes(write(state))


def spell(tokens: np.ndarray, tokenizer) -> str:
    """Return the bases that a row of ids stands for; pads and CLS stand for none."""
    bases = []
    for token in tokens.tolist():
        if token >= tokenizer.letter_offset:
            bases.append("ATCGN"[token - tokenizer.letter_offset])
        elif token >= tokenizer.kmer_offset:
            digits = token - tokenizer.kmer_offset
            places = [digits // 4**i % 4 for i in reversed(range(tokenizer.k))]
            bases += ["ATCG"[digit] for digit in places]
    return "".join(bases)
