"""Inference: a track model over tiles, on whatever devices there are."""

from basewise.inference.annotate import Annotator, load
from basewise.inference.shard import predict_shard

__all__ = ["Annotator", "load", "predict_shard"]
