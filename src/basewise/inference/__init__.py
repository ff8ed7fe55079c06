"""Inference: track models over tiles, language models over sequences, on whatever devices."""

from basewise.inference.annotate import Annotator, load
from basewise.inference.embedding import Embedder, EmbedRequest, embed_fasta
from basewise.inference.shard import predict_shard

__all__ = [
    "Annotator",
    "EmbedRequest",
    "Embedder",
    "embed_fasta",
    "load",
    "predict_shard",
]
