"""The toy model of binding: a small Enformer and adapter, trained on toy genomes of another seed.

It exists to show the workflow at work; it knows nothing of any real factor.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.atomic import atomic_path
from basewise.checkpoints.config import CONFIG_NAME
from basewise.encoders import build_encoder, encode_biotypes
from basewise.encoders.cache import write_embeddings
from basewise.peaks.windows import NO_PEAK
from basewise.toy.files import write_toy_genome
from basewise.toy.genome import ToyGenome, make_toy_genome
from basewise.toy.peaks import BIOTYPES, PROTEINS, TARGETS
from basewise.toy.sites import MOTIFS, SITE_BITS, encode
from basewise.training.binding.train import train_binding

NAME = "binding_toy"
TRAINING_SEED = 200_000
CHROMSIZES = {f"chr{number}": 500_000 for number in range(1, 9)} | {"chr9": 400_000}
VALID_CHROM = "chr9"
WIDTH_BP, CLEAR_BP = 128, 120  # of windows; to the next site from a negative's centre
NEAR_MISS_BITS = 14.0
NEGATIVES = {"random": 3.0, "near_miss": 1.5, "other": 1.5}  # kind -> of each peak
ENCODERS = {
    "proteins": {"encoder": "physchem"},
    "contexts": {"encoder": "ngrams", "dim": 8},
}
TRUNK = {
    "family": "enformer",
    "start": "calibrated",
    "architecture": {
        "trunk": {
            "embed_dim": 48, "num_transformer_layers": 1, "num_attention_heads": 2,
            "attention_dim_key": 8, "num_downsamples": 3, "dim_divisible_by": 4,
            "target_length": -1, "final_pointwise": True,
        }
    },
}  # fmt: skip
ADAPTER = {
    "latent_heads": 48, "latent_dim": 8, "joint_cross_attn_depth": 0, "fourier_dims": 4,
}  # fmt: skip
TRAINING = {
    "batch_size": 64, "learning_rate": 0.003, "warmup_steps": 40,
    "weight_decay": 0.01, "validate_every": 250,
}  # fmt: skip
# steps of each turn, and how many of the sites that a complex shares with another target it has
TURNS = ((1600, 1), (1000, 1), (1200, 4))  # every one, or every fourth: the others are rare so
SAMPLING = {
    "shift_bp": [-32, 32],
    "kind_weights": {"peak": 3, "random": 2, "near_miss": 1, "other": 2},
}


def train_toy_binding(
    checkpoint: str | os.PathLike,
    *,
    turns: Sequence[tuple[int, int]] = TURNS,
    initial: str | os.PathLike | None = None,
    chromsizes: Mapping[str, int] = CHROMSIZES,
) -> None:
    """Train in turns, each from where the last one ended, and write the checkpoint.

    metrics.jsonl beside it records the last turn. The learning rate rises and falls in each.

    Args:
        turns: steps, and ``every`` of `make_windows`.
        initial: a checkpoint of the toy model to begin with.
        chromsizes: of the genome to learn from, with VALID_CHROM to choose on (bp).
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        toy = make_toy_genome(TRAINING_SEED, chromsizes, contigs=False, sites=True)
        write_toy_genome(toy, folder / "genome.fa", folder / "genome.gtf")
        embeddings = folder / "embeddings"
        proteins = {unmodified(target): list_chains(target) for target in TARGETS}
        encoder = build_encoder(ENCODERS["proteins"]["encoder"])
        write_embeddings(proteins, encoder, embeddings, folder / "proteins.tsv")
        settings = dict(ENCODERS["contexts"])
        contexts = build_encoder(settings.pop("encoder"), **settings)
        names = {biotype: biotype for biotype in BIOTYPES}
        encode_biotypes(names, contexts, embeddings, folder / "contexts.tsv")
        told = {
            "name": NAME,
            "genome": str(folder / "genome.fa"),
            "proteins": str(folder / "proteins.tsv"),
            "contexts": str(folder / "contexts.tsv"),
            "encoders": ENCODERS,
            "trunk": TRUNK,
            "adapter": ADAPTER,
            "sampling": SAMPLING,
            "valid_windows": 2000,
            "species": "toy genomes of basewise",
            "licence": "MIT",
            "param_dtype": "float16",
        }
        for turn, (n_steps, every) in enumerate(turns, start=1):
            output = Path(checkpoint) if turn == len(turns) else folder / f"turn_{turn}"
            windows = make_windows(toy, np.random.default_rng(TRAINING_SEED), every=every)
            write_windows(windows, folder / f"windows_{turn}")
            told["windows"] = str(folder / f"windows_{turn}")
            told["training"] = TRAINING | {"steps": n_steps, "seed": int(initial is not None)}
            told["initial"] = None if initial is None else str(initial)
            train_binding(told, output)
            initial = output
    _forget_scratch(Path(checkpoint) / CONFIG_NAME)


def list_chains(target: str) -> tuple[str, ...]:
    """Return the proteins of a target, one of each factor of a complex."""
    return tuple(PROTEINS[factor] for factor in TARGETS[target])


def unmodified(target: str) -> str:
    """Return a target's name without its modification, which does not train."""
    return target.partition("_")[0]


def make_windows(toy: ToyGenome, rng: np.random.Generator, *, every: int = 1) -> pd.DataFrame:
    """Return windows of all pairs: of sites, and where no site of the target is near.

    Negatives are at random, where a motif is nearly, and at sites of other factors. Of sites of a
    complex's second factor only ``every`` so many-th has a window.
    """
    frames = []
    for chrom, bases in toy.sequences.items():
        codes = encode(bases)
        sites = [site for site in toy.sites if site.chrom == chrom]
        spans = np.array([(site.start, site.end) for site in sites], np.int64).reshape(-1, 2)
        centres = spans.sum(axis=1) // 2
        misses = {factor: find_near_misses(factor, codes) for factor in MOTIFS}
        for target, factors in TARGETS.items():
            is_bound = np.array([site.factor in factors for site in sites], bool)
            bound = centres[is_bound]
            candidates = {
                "random": rng.integers(0, len(bases), 8 * len(bound)),
                "near_miss": np.concatenate([misses[factor] for factor in factors]),
                "other": centres[~is_bound],
            }
            is_second = np.array([site.factor in factors[1:] for site in sites], bool)
            is_left_out = is_second & (np.cumsum(is_second) % every > 0)
            chosen = {"peak": centres[is_bound & ~is_left_out]}
            reach = {"peak": spans[is_bound & ~is_left_out]}
            for kind, places in candidates.items():
                places = places[is_clear(places, bound)]
                places = places[codes[np.clip(places, 0, len(codes) - 1)] < 4]
                n = min(len(places), int(NEGATIVES[kind] * len(bound)))
                chosen[kind] = rng.permutation(places)[:n]
            for kind, places in chosen.items():
                for biotype in BIOTYPES:
                    own = reach.get(kind, np.full((len(places), 2), NO_PEAK))
                    frames.append(_frame(chrom, places, own, kind, unmodified(target), biotype))
    windows = pd.concat(frames, ignore_index=True)
    sizes = windows["chrom"].map(toy.chromsizes)
    return windows[(windows["start"] >= 0) & (windows["end"] <= sizes)].reset_index(drop=True)


def find_near_misses(factor: str, codes: np.ndarray) -> np.ndarray:
    """Return centres of what is like a factor's motif, on either strand, and too little so."""
    motif = MOTIFS[factor]
    other = np.where(codes < 4, 3 - codes, codes)[::-1]
    below = np.minimum(motif.score(codes), motif.score(other)[::-1])
    misses = np.flatnonzero((below > SITE_BITS) & (below <= NEAR_MISS_BITS))
    return misses + len(motif.letters) // 2


def is_clear(places: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Return which places are far from all of ``bound``, which is sorted."""
    edges = np.concatenate([[-(10**9)], bound, [10**9]])
    behind = np.searchsorted(edges, places)
    return np.minimum(places - edges[behind - 1], edges[behind] - places) >= CLEAR_BP


def write_windows(windows: pd.DataFrame, folder: Path) -> None:
    """Write the splits train and valid as rule make_windows does."""
    folder.mkdir(parents=True)
    is_valid = windows["chrom"] == VALID_CHROM
    noted = {"width_bp": WIDTH_BP, "rules": {"valid_chroms": [VALID_CHROM]}}
    for split, rows in (("train", windows[~is_valid]), ("valid", windows[is_valid])):
        table = pa.Table.from_pandas(rows, preserve_index=False)
        table = table.replace_schema_metadata({"basewise": json.dumps(noted)})
        pq.write_table(table, folder / f"{split}.parquet")


def _forget_scratch(path: Path) -> None:
    """Name the turn before instead of the folder that it was in."""
    config = json.loads(path.read_text())
    if config["training"]["started_from"] is not None:
        config["training"]["started_from"] = "the turn before"
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(config, indent=2) + "\n")


def _frame(
    chrom: str, centres: np.ndarray, spans: np.ndarray, kind: str, target: str, biotype: str
) -> pd.DataFrame:
    is_bound = kind == "peak"
    start = centres.astype(np.int32) - WIDTH_BP // 2
    return pd.DataFrame(
        {
            "chrom": chrom,
            "start": start,
            "end": start + np.int32(WIDTH_BP),
            "label": np.uint8(is_bound),
            "kind": kind,
            "experiment": "toy",
            "target": target,
            "biotype": biotype,
            "score": np.float32(is_bound),
            "n_peaks": np.int64(0),
            "peak_start": spans[:, 0].astype(np.int32),
            "peak_end": spans[:, 1].astype(np.int32),
        }
    )
