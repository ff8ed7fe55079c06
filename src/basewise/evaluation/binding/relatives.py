"""Which of the known proteins an unseen one is most alike, by local alignment.

Smith & Waterman 1981 (10.1016/0022-2836(81)90087-5) with affine gaps, scored by BLOSUM62 as BLAST
does. Stretches of few amino acids align with those of any other protein, so an alignment counts by
what it scores above that with the other protein read backwards, which has the same residues: the
null model of Karplus et al. 2005 (10.1093/bioinformatics/bti629).
"""

from collections.abc import Mapping, Sequence

from Bio.Align import PairwiseAligner, substitution_matrices

MATRIX, GAP_OPEN, GAP_EXTEND = "BLOSUM62", -12.0, -1.0  # a gap of k residues costs 11 + k
UNKNOWN = str.maketrans("UOJ", "XXX")  # residues that the matrix lacks


def nearest_proteins(
    asked: Sequence[str], known: Sequence[str], chains: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, float]]:
    """Return for each target the known one of most alike protein, and how alike, 0 to 1.

    Of several chains the pair that aligns best counts. Alike is the share of the score that the
    target's own chains have with themselves.
    """
    matrix = substitution_matrices.load(MATRIX)
    aligner = PairwiseAligner(
        mode="local",
        substitution_matrix=matrix,
        open_gap_score=GAP_OPEN,
        extend_gap_score=GAP_EXTEND,
    )
    read = {
        name: [chain.upper().translate(UNKNOWN) for chain in chains[name]]
        for name in {*asked, *known}
    }

    def find(name: str, others: Sequence[str]) -> tuple[float, str]:
        """The best score above the null, and whose it is."""
        pairs = [
            (aligner.score(own, chain), other, own, chain)
            for other in others
            for own in read[name]
            for chain in read[other]
        ]
        best = (float("-inf"), "")
        for score, other, own, chain in sorted(pairs, reverse=True):
            if score < best[0]:  # nothing that follows can be above it
                break
            best = max(best, (score - aligner.score(own, chain[::-1]), other))
        return best

    found = {}
    for name in asked:
        score, other = find(name, known)
        most, _ = find(name, [name])
        found[name] = (other, min(max(score / most, 0.0), 1.0) if most > 0 else 0.0)
    return found
