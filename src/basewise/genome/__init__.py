"""Genomes: fetched and checked, indexed, read base by base; their gaps, blacklists and names.

Bases are upper-case ASCII A C G T N in uint8 arrays once they are read; IUPAC codes count as N.
"""

from basewise.genome.aliases import read_aliases, resolve_aliases
from basewise.genome.blacklist import get_blacklist
from basewise.genome.fasta import get_genome
from basewise.genome.index import find_gaps, index_genome
from basewise.genome.matching import match_names, read_dropped
from basewise.genome.memory import MemoryGenome, Sequences
from basewise.genome.sequence import Genome, reverse_complement

__all__ = [
    "Genome",
    "MemoryGenome",
    "Sequences",
    "find_gaps",
    "get_blacklist",
    "get_genome",
    "index_genome",
    "match_names",
    "read_aliases",
    "read_dropped",
    "resolve_aliases",
    "reverse_complement",
]
