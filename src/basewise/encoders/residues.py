"""The letters of proteins: which are legal, and what the rare and ambiguous ones stand for."""

from basewise.errors import BasewiseError

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
# IUPAC: selenocysteine and pyrrolysine are read as what they resemble, ambiguous ones as either
STAND_FOR = {"U": "C", "O": "K", "B": "DN", "Z": "EQ", "J": "IL", "X": ""}
LETTERS = frozenset(RESIDUES) | frozenset(STAND_FOR)
BOTH_CASES = LETTERS | {letter.lower() for letter in LETTERS}


def clean_protein(sequence: str, record: str) -> str:
    """Return a protein in upper case, without the stop that may close it.

    Args:
        record: what it is called, for errors.

    Raises:
        BasewiseError: an empty sequence, or a letter that is none of a protein's, with its
            position (counted from 1) and the record.
    """
    clean = sequence.removesuffix("*")
    if not clean:
        raise BasewiseError(f"{record} is an empty protein")
    if not BOTH_CASES.issuperset(clean):
        position = next(i for i, letter in enumerate(clean) if letter not in BOTH_CASES)
        raise BasewiseError(
            f"{record} holds a letter that is no amino acid",
            found=f"{sequence[position]!r} at position {position + 1}",
            hint=f"Legal are {''.join(sorted(LETTERS))}.",
        )
    return clean.upper()
