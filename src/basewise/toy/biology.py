"""What toy DNA looks like: base composition of each kind of sequence, codon usage, motifs.

Everything is in the sense (transcript) direction; letters are indices into ``ACGT``.
"""

import numpy as np

ACGT = np.frombuffer(b"ACGT", dtype=np.uint8)

# Kinds of sequence in a unit, in transcript order. CODING is drawn by codon, GAP is all N.
INTERGENIC, GAP, PROMOTER, UTR5, CODING, INTRON, UTR3, DOWNSTREAM = range(8)

_COMPOSITION = {  # A, C, G, T
    INTERGENIC: (0.29, 0.21, 0.21, 0.29),
    GAP: (0.25, 0.25, 0.25, 0.25),
    PROMOTER: (0.20, 0.30, 0.34, 0.16),
    UTR5: (0.15, 0.40, 0.29, 0.16),
    CODING: (0.25, 0.25, 0.25, 0.25),
    INTRON: (0.22, 0.12, 0.14, 0.52),
    UTR3: (0.42, 0.25, 0.10, 0.23),
    DOWNSTREAM: (0.05, 0.05, 0.40, 0.50),
}


def _cumulative_bytes(probs: np.ndarray) -> np.ndarray:
    """Map each value of a random byte to an index drawn with these probabilities: uint8 (256,)."""
    edges = np.round(np.cumsum(probs) / np.sum(probs) * 256).astype(int)
    return np.searchsorted(edges, np.arange(256), side="right").astype(np.uint8)


BASE_OF_BYTE = np.stack([_cumulative_bytes(np.array(p)) for p in _COMPOSITION.values()])

_STOPS = ((3, 0, 0), (3, 0, 2), (3, 2, 0))  # TAA, TAG, TGA


def _codon_usage() -> tuple[np.ndarray, np.ndarray]:
    """Sense codons (61, 3) and their frequencies: purine first, GC at the third position."""
    codons = np.array([(a, b, c) for a in range(4) for b in range(4) for c in range(4)])
    is_stop = (codons[:, None, :] == np.array(_STOPS)).all(axis=2).any(axis=1)
    first = np.array((0.27, 0.22, 0.36, 0.15))
    second = np.array((0.31, 0.24, 0.18, 0.27))
    third = np.array((0.10, 0.40, 0.40, 0.10))
    usage = first[codons[:, 0]] * second[codons[:, 1]] * third[codons[:, 2]]
    usage = np.where(is_stop, 0.0, usage)
    return codons[~is_stop].astype(np.uint8), usage[~is_stop] / usage.sum()


SENSE_CODONS, _USAGE = _codon_usage()
_CODON_EDGES = np.round(np.cumsum(_USAGE) * 65536).astype(int)
CODON_OF_UINT16 = np.searchsorted(_CODON_EDGES, np.arange(65536), side="right").astype(np.uint8)
STOP_CODONS = np.array(_STOPS, dtype=np.uint8)
STOP_USAGE = (0.5, 0.2, 0.3)

POLYA_VARIANTS = ("AATAAA", "ATTAAA", "AGTAAA", "CATAAA")
POLYA_USAGE = (0.80, 0.12, 0.04, 0.04)
POLYA_BP = len(POLYA_VARIANTS[0])

# A letter is a consensus base, lower case one that is never noisy; Y, R, K, W are even choices.
DONOR, DONOR_OFFSET = "CAGgtRAGT", -3  # from 3 bp before the intron
ACCEPTOR, ACCEPTOR_OFFSET = "TTTYTTTYTTTYTTNYagG", -18  # to the first base of the next exon
BRANCH_POINT = "TACTAAC"
KOZAK, KOZAK_OFFSET = "GCCRCC", -6
INITIATOR, INITIATOR_OFFSET = "TTCAGTCT", -3
TATA_BOX = "TATAAAAG"
GC_BOX = "GGGGCGGGGC"

CHOICES = {"Y": "CT", "R": "AG", "K": "GT", "W": "AT", "N": "ACGT"}


def draw_motif(rng: np.random.Generator, motif: str, n: int, consensus: float) -> np.ndarray:
    """Draw n noisy copies of a motif: uint8 (n, len(motif)) indices into ACGT.

    Args:
        rng: source of randomness.
        motif: consensus in the letters described above.
        n: number of copies.
        consensus: probability that a base is not replaced by a uniformly drawn one.
    """
    out = np.empty((n, len(motif)), dtype=np.uint8)
    for column, letter in enumerate(motif):
        choices = ["ACGT".index(base) for base in CHOICES.get(letter.upper(), letter.upper())]
        out[:, column] = rng.choice(np.array(choices, dtype=np.uint8), n)
        if letter.isupper():
            noisy = rng.random(n) >= consensus
            out[noisy, column] = rng.integers(0, 4, int(noisy.sum()), dtype=np.uint8)
    return out
