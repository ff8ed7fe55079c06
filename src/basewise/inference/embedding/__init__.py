"""Embeddings, attention maps, logits and likelihoods of a DNA language model."""

from basewise.inference.embedding.embedder import Embedder, load_embedder
from basewise.inference.embedding.files import embed_fasta
from basewise.models.request import EmbedRequest

__all__ = ["EmbedRequest", "Embedder", "embed_fasta", "load_embedder"]
