"""A genome with planted sites of two factors, windows of them, and their proteins, encoded."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from basewise.encoders import build_encoder, encode_biotypes
from basewise.encoders.cache import write_embeddings
from basewise.genome import Genome

WIDTH = 64
SITES = {"TOYA": "TGACTCAT", "TOYB": "CCGGAAGC"}
CHAINS = {
    "TOYA": "MKRARNTEAARRSRARKLQRMKQ" * 2,
    "TOYB": "MSLQDLSHWWFFGGYYCCHHEED",
    "TOYC": "MPPGG" * 6,
}
CHROMS = {"one": 60_000, "two": 24_000, "three": 24_000}
ROWS = {"train": ("one",), "valid": ("two",), "test_chrom": ("three",)}


def make_windows(rng, genome: dict, chroms) -> pd.DataFrame:
    """Windows with a site in their middle are bound by its factor; others are not."""
    rows = []
    for chrom in chroms:
        for number, start in enumerate(range(100, len(genome[chrom]) - 2 * WIDTH, WIDTH + 20)):
            kind = ("TOYA", "TOYB", None)[number % 3]
            at = -9
            if kind:
                at = start + WIDTH // 2 - 4 + int(rng.integers(-6, 7))
                genome[chrom][at : at + 8] = np.frombuffer(SITES[kind].encode(), np.uint8)
            for target in SITES:
                is_bound = target == kind
                rows.append(
                    {
                        "chrom": chrom, "start": start, "end": start + WIDTH,
                        "label": int(is_bound), "kind": "peak" if is_bound else "scoped",
                        "experiment": "E", "target": target, "biotype": "cell",
                        "score": 5.0 * is_bound, "n_peaks": 100,
                        "peak_start": at if is_bound else -1,
                        "peak_end": at + 8 if is_bound else -1,
                    }
                )  # fmt: skip
    places = dict.fromkeys(("start", "end", "peak_start", "peak_end"), "int32")
    table = pd.DataFrame(rows).astype(places | {"label": "uint8"})
    return table.astype({"score": "float32", "n_peaks": "int64"})


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """Programs that several tests need are compiled by the first of them."""
    folder = tmp_path_factory.getbasetemp() / "compiled"
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    for name, value in zip(names, (str(folder), 0.0), strict=True):
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """A folder with genome.fa, windows/, proteins.tsv and contexts.tsv."""
    return write_toy(tmp_path_factory.mktemp("toy_binding"), CHROMS)


@pytest.fixture(scope="session")
def large_toy(tmp_path_factory):
    """The same with five times as many windows to learn from."""
    return write_toy(tmp_path_factory.mktemp("large_toy_binding"), CHROMS | {"one": 300_000})


def write_toy(folder, chroms):
    """Fill a folder with the files of a toy, and return it."""
    rng = np.random.default_rng(11)
    letters = np.frombuffer(b"ACGT", np.uint8)
    genome = {name: letters[rng.integers(0, 4, size)] for name, size in chroms.items()}
    (folder / "windows").mkdir()
    for split, own in ROWS.items():
        table = make_windows(rng, genome, own)
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        noted = {"basewise": json.dumps({"width_bp": WIDTH, "rules": {"valid_chroms": ["two"]}})}
        pq.write_table(
            arrow.replace_schema_metadata(noted), folder / "windows" / f"{split}.parquet"
        )
    with (folder / "genome.fa").open("w") as stream:
        for name, bases in genome.items():
            stream.write(f">{name}\n{bases.tobytes().decode()}\n")
    write_embeddings(
        {name: (chain,) for name, chain in CHAINS.items()},
        build_encoder("physchem"),
        folder / "embeddings",
        folder / "proteins.tsv",
    )
    texts = {"cell": "cell"}
    encoder = build_encoder("ngrams", dim=8)
    encode_biotypes(texts, encoder, folder / "embeddings", folder / "contexts.tsv")
    return folder


@pytest.fixture(scope="session")
def genome(toy):
    return Genome(toy / "genome.fa")


TRUNK = {
    "family": "enformer",
    "architecture": {
        "trunk": {
            "embed_dim": 24, "num_transformer_layers": 1, "num_attention_heads": 2,
            "attention_dim_key": 8, "num_downsamples": 3, "dim_divisible_by": 4,
            "target_length": -1, "final_pointwise": True,
        }
    },
}  # fmt: skip
ADAPTER = {
    "latent_heads": 4, "latent_dim": 8, "joint_cross_attn_depth": 0, "fourier_dims": 4,
}  # fmt: skip


@pytest.fixture(scope="session")
def facts():
    """Constants of the toy: SITES, CHAINS, WIDTH, TRUNK, ADAPTER."""
    return SimpleNamespace(SITES=SITES, CHAINS=CHAINS, WIDTH=WIDTH, TRUNK=TRUNK, ADAPTER=ADAPTER)
