"""Toy genomes whose annotation is known, for the demo, for training the toy model and for tests."""

from basewise.toy.files import write_toy_binding, write_toy_genome
from basewise.toy.genome import ToyGenome, ToyRecord, make_toy_genome

__all__ = ["ToyGenome", "ToyRecord", "make_toy_genome", "write_toy_binding", "write_toy_genome"]
