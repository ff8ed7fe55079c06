"""The toy model: a small SegmentNT trained on toy genomes it will never be asked about.

It exists to show the workflow at work; it knows nothing of any real genome.
"""

import functools
import os
from pathlib import Path

import numpy as np

from basewise.checkpoints.store import save_checkpoint
from basewise.genome import MemoryGenome
from basewise.models.families import build_track_model
from basewise.models.zoo import element_tracks
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

CONFIG = {
    "name": "segment_nt_toy",
    "family": "segment_nt",
    "revision": "1",
    "source": "basewise toy model",
    "licence": "MIT",
    "species": ["toy genomes of basewise"],
    "architecture": {
        "tokenizer": "v2_6mer",
        "features": list(ELEMENTS),
        "trunk": {
            "alphabet_size": 4107,
            "embed_dim": 64,
            "attention_heads": 4,
            "ffn_embed_dim": 128,
            "num_layers": 4,
            "max_positions": 2048,
            "positional_embedding": None,
            "use_rotary_embedding": True,
            "add_bias_ffn": False,
            "use_glu_in_ffn": True,
            "ffn_activation_name": "swish",
            "lm_head": False,
        },
    },
    "tile_spec": {
        "context_bp": CONTEXT_BP,
        "halo_bp": 384,
        "length_multiple_bp": 24,
        "k": 6,
        "min_context_bp": 96,
    },
    "tracks": [track.to_dict() for track in element_tracks(ELEMENTS)],
}


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
