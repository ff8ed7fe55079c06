"""Encoders of proteins and of contexts, and the cache of what they give.

Transformers need JAX and a checkpoint; the offline encoders need neither.
"""

from basewise.encoders.cache import Embeddings, check_pairs, read_embeddings, write_embeddings
from basewise.encoders.contexts import ContextTable, describe_contexts, read_biotypes
from basewise.encoders.encoder import Encoder
from basewise.encoders.names import encode_biotypes, encode_targets, find_chains
from basewise.encoders.registry import OFFLINE, build_encoder

__all__ = [
    "OFFLINE",
    "ContextTable",
    "Embeddings",
    "Encoder",
    "build_encoder",
    "check_pairs",
    "describe_contexts",
    "encode_biotypes",
    "encode_targets",
    "find_chains",
    "read_biotypes",
    "read_embeddings",
    "write_embeddings",
]
