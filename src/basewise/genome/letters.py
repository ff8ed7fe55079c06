"""The letters of a FASTA: which are bases, what each is read as, and what the others may mean."""

IUPAC = b"RYKMSWBDHV"
BASES = b"ACGTN" + IUPAC
ALLOWED = BASES + BASES.lower()
LINE_ENDS = b"\r\n"
ILLEGAL = 0  # what `TO_BASES` makes of a letter that is none

TO_BASES = bytes(
    ILLEGAL if code not in ALLOWED else ord("N") if code in IUPAC + IUPAC.lower() else code & 0xDF
    for code in range(256)
)  # upper case; clearing bit 0x20 of an ASCII letter makes it so
IS_LOWER = bytes(code in ALLOWED.lower() for code in range(256))
COMPLEMENT = bytes.maketrans(b"ACGTRYKMSWBDHVacgtrykmswbdhv", b"TGCAYRMKSWVHDBtgcayrmkswvhdb")


def first_illegal(bases: bytes) -> int:
    """The index of the first letter that is no base, or -1; line ends count as letters here."""
    illegal = bases.translate(None, ALLOWED)
    return bases.index(illegal[:1]) if illegal else -1


def explain_illegal(code: int, around: bytes) -> tuple[str, str]:
    """What an illegal letter is, judged by the sequence around it, and what to do about it."""
    if code >= 128:
        return f"a non-ASCII byte 0x{code:02x}", "Is the file damaged, or not a text file?"
    letters = around.upper().translate(None, LINE_ENDS)
    if len(letters.translate(None, b"ACGTUN")) > len(letters) / 2:
        return f"{chr(code)!r}, this looks like protein", "Give the genome's DNA sequence"
    if code in b"Uu":
        return f"{chr(code)!r}, this looks like RNA", "Give the DNA sequence, with T for U"
    return f"{chr(code)!r}", "Only A C G T N and IUPAC codes R Y K M S W B D H V are bases"
