"""The toy model: a small SegmentNT trained on toy genomes it will never be asked about.

It exists to show the workflow at work; it knows nothing of any real genome.
"""

import functools
import os
from pathlib import Path

import numpy as np

from basewise.checkpoints.store import save_checkpoint
from basewise.genome import MemoryGenome
from basewise.models.describe import describe_segment_nt
from basewise.models.families import build_track_model
from basewise.models.segment_nt import LENGTH_MULTIPLE_BP
from basewise.tiling import TileSpec
from basewise.toy.genome import make_toy_genome
from basewise.training.loop import TrainingConfig, train
from basewise.training.windows import Batch, WindowSource

ELEMENTS = (
    "protein_coding_gene",
    "exon",
    "intron",
    "splice_donor",
    "splice_acceptor",
    "5UTR",
    "3UTR",
    "polyA_signal",
    "promoter_Tissue_specific",
    "promoter_Tissue_invariant",
)
CONTEXT_BP = 3072
STEPS = 4500
FIRST_SEED, VALIDATION_SEED = 100_000, 99_999
STEPS_PER_GENOME, GENOME_BP, VALIDATION_BP = 50, 1_000_000, 300_000

CONFIG = describe_segment_nt(
    "segment_nt_toy",
    ELEMENTS,
    {"embed_dim": 64, "attention_heads": 4, "ffn_embed_dim": 128, "num_layers": 4},
    TileSpec(CONTEXT_BP, halo_bp=384, length_multiple_bp=LENGTH_MULTIPLE_BP, min_context_bp=96),
    species=["toy genomes of basewise"],
    source="basewise toy model",
    licence="MIT",
)


def train_toy_model(checkpoint: str | os.PathLike, *, steps: int = STEPS) -> None:
    """Train on a fresh toy genome every 50 steps, and write the checkpoint.

    ``metrics.jsonl`` beside it records the training; its MCC are on one more unseen genome.
    """
    checkpoint = Path(checkpoint)
    checkpoint.mkdir(parents=True, exist_ok=True)
    config = TrainingConfig(
        steps=steps, batch_size=8, learning_rate=3e-3, warmup_steps=100, report_every=250
    )
    metrics = checkpoint / "metrics.jsonl"
    metrics.unlink(missing_ok=True)
    validation = _source(VALIDATION_SEED, VALIDATION_BP)
    trained = train(
        build_track_model(CONFIG),
        functools.partial(_draw, batch_size=config.batch_size),
        lambda: validation.sweep(config.batch_size),
        config,
        metrics_path=metrics,
    )
    save_checkpoint(checkpoint, CONFIG, trained.params, param_dtype="float16")


def _draw(step: int, batch_size: int) -> Batch:
    source = _source(FIRST_SEED + step // STEPS_PER_GENOME, GENOME_BP)
    return source.draw(np.random.default_rng([FIRST_SEED, step]), batch_size)


@functools.lru_cache(maxsize=2)
def _source(seed: int, size_bp: int) -> WindowSource:
    toy = make_toy_genome(seed, {"toy": size_bp}, contigs=False)
    return WindowSource.from_genome(
        MemoryGenome(toy.sequences), toy.labels(), ELEMENTS, context_bp=CONTEXT_BP
    )
