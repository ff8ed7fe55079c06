"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("basewise", deadline=None, max_examples=60)
settings.load_profile("basewise")

ROOT = Path(__file__).resolve().parents[1]
# Tests compile the same small programs again and again, in many processes.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

SHARED = ROOT.parent / "shared"
TINY_TRACKS = ("exon", "intron", "splice_donor")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference material beside the repository, which a user's clone does not have."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this clone, so no reference goldens and no yeast genome")
    return SHARED


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


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_config) -> Path:
    """A checkpoint whose random model answers differently at every base."""
    import jax

    from basewise.checkpoints.store import save_checkpoint
    from basewise.models.families import build_track_model

    rng = np.random.default_rng(11)
    drawn = build_track_model(tiny_config).init(jax.random.key(0))
    params = jax.tree.map(
        lambda leaf: np.asarray(leaf * 2 + rng.normal(0, 0.1, leaf.shape), np.float32), drawn
    )
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
