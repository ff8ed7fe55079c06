"""Embeddings, attention maps, logits and likelihoods of a DNA language model."""

from basewise.inference.embedding.embedder import Embedder, embed_fasta, load_embedder
from basewise.models.request import EmbedRequest

__all__ = ["EmbedRequest", "Embedder", "embed_fasta", "load_embedder"]
