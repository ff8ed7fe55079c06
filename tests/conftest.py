"""Fixtures that every test may use."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pyBigWig
import pytest
from hypothesis import settings

settings.register_profile("basewise", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("basewise")

ROOT = Path(__file__).resolve().parents[1]
# Tests compile the same small programs again and again, in many processes.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# They run for moments, so machine code is not worth optimising: a third less time in all.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

SHARED = ROOT.parent / "shared"
TINY_TRACKS = ("exon", "intron", "splice_donor")


@pytest.fixture(scope="session")
def two_devices() -> dict[str, str]:
    """The environment of a process that sees two CPU devices, and compiles as this one does."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    return {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the repository, which a user's clone does not have."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this clone, so no reference goldens and no yeast genome")
    return SHARED


def load_helper(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tests/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def run_hub() -> Callable:
    """A context manager run_hub(name, commit) that yields a `FakeHub` of tests/hub_server.py."""
    return load_helper("hub_server").run_hub


@pytest.fixture(scope="session")
def torch_writer() -> ModuleType:
    """The functions of tests/torch_writer.py, which write checkpoints as PyTorch does."""
    return load_helper("torch_writer")


@pytest.fixture(scope="session")
def published_writer() -> ModuleType:
    """The functions of tests/published_writer.py, which write published models in small."""
    return load_helper("published_writer")


@pytest.fixture(scope="session")
def reference(shared, published_writer) -> Callable:
    """A function model -> its case of the reference."""
    return lambda model: published_writer.Reference(
        shared / "goldens", published_writer.CASES[model]
    )


@pytest.fixture(scope="session")
def tiny_config() -> dict:
    """The config.json of a SegmentNT of a few thousand parameters."""
    from basewise.models.describe import describe_segment_nt
    from basewise.tiling import TileSpec

    return describe_segment_nt(
        "tiny",
        TINY_TRACKS,
        {"embed_dim": 8, "attention_heads": 2, "ffn_embed_dim": 12, "num_layers": 2}
        | {"max_positions": 64},
        TileSpec(240, halo_bp=30, length_multiple_bp=24, min_context_bp=48),
        species=["nothing"],
        source="made by the tests",
        licence="MIT",
    )


def _draw_params(init: Callable, seed: int = 0, factor: float = 1.0) -> dict:
    import jax

    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        centre = float(any(word in str(path) for word in ("scale", "var_ema")))
        is_matrix = leaf.ndim > 1 and min(leaf.shape[-2:]) > 1
        spread = (leaf.size / leaf.shape[-1]) ** -0.5 if is_matrix else 0.1
        return rng.normal(centre, factor * spread, leaf.shape).astype(leaf.dtype)

    return jax.tree.map_with_path(draw, jax.eval_shape(init, jax.random.key(0)))


@pytest.fixture(scope="session")
def draw_params() -> Callable[..., dict]:
    """A function (init, seed, factor) -> parameters shaped as init's, drawn by NumPy.

    JAX would take seconds to compile an init. No bias is zero and no scale one.
    """
    return _draw_params


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_config) -> Path:
    """A checkpoint whose random model answers differently at every base."""
    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.families import build_track_model

    params = _draw_params(build_track_model(tiny_config).init, seed=11, factor=2)
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    save_checkpoint(folder, tiny_config, params)
    return folder


@pytest.fixture
def random_bases():
    """A function (seed, length) -> text of random A, C, G, T."""

    def draw(seed: int, length: int) -> str:
        letters = np.frombuffer(b"ACGT", np.uint8)
        return np.random.default_rng(seed).choice(letters, length).tobytes().decode()

    return draw


@pytest.fixture
def make_bigwig(tmp_path) -> Callable[..., Path]:
    """`make_bigwig(name, {chrom: values with NaN where unscored}, resolution_bp=1)` -> path."""

    def make(name: str, tracks: dict[str, np.ndarray], resolution_bp: int = 1) -> Path:
        path = tmp_path / f"{name}.bw"
        with pyBigWig.open(str(path), "w") as bigwig:
            bigwig.addHeader([(c, len(v) * resolution_bp) for c, v in tracks.items()])
            for chrom, values in tracks.items():
                scored = np.flatnonzero(~np.isnan(values))
                if len(scored):
                    bigwig.addEntries(
                        [chrom] * len(scored),
                        (scored * resolution_bp).tolist(),
                        ends=((scored + 1) * resolution_bp).tolist(),
                        values=np.asarray(values, np.float64)[scored].tolist(),
                    )
        return path

    return make
