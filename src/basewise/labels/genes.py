"""What genes and transcripts imply: gene classes, introns, splice sites, untranslated regions."""

import numpy as np

from basewise.labels import table as t

# A shorter gap between exons is a frameshift or an assembly error, not something spliced out.
MIN_INTRON_BP = 10
SPLICE_SITE_BP = 2

Stretches = tuple[np.ndarray, np.ndarray, np.ndarray]  # chrom, start, end, each (n,)


def find_genes(rows: np.ndarray, biotype: int) -> Stretches:
    """Genes of a biotype; a gene that states none is coding when one of its transcripts is."""
    genes = rows[rows["kind"] == t.GENE]
    of_biotype = genes["biotype"] == biotype
    if biotype == t.CODING_BIOTYPE and (genes["biotype"] == t.NO_BIOTYPE).any():
        coding = np.unique(rows["owner"][rows["kind"] == t.CODING])
        links = rows[rows["kind"] == t.LINK]
        parents = links["parent"][np.isin(links["owner"], coding)]
        coding = np.setdiff1d(np.append(coding, parents), np.zeros(1, dtype=np.uint64))
        of_biotype |= (genes["biotype"] == t.NO_BIOTYPE) & np.isin(genes["owner"], coding)
    return genes["chrom"][of_biotype], genes["start"][of_biotype], genes["end"][of_biotype]


def find_introns(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gaps of at least MIN_INTRON_BP between exons of a transcript: chrom, start, end, is_minus."""
    exons = rows[(rows["kind"] == t.EXON) & (rows["owner"] != 0)]
    key = transcript_keys(exons)
    order = np.lexsort((exons["start"], key))
    exons, key = exons[order], key[order]
    same = key[1:] == key[:-1]
    is_intron = np.flatnonzero(same & (exons["start"][1:] - exons["end"][:-1] >= MIN_INTRON_BP))
    return (
        exons["chrom"][is_intron],
        exons["end"][is_intron],
        exons["start"][is_intron + 1],
        exons["is_minus"][is_intron],
    )


def find_splice_sites(
    introns: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], *, is_donor: bool
) -> Stretches:
    """First (donor) or last (acceptor) SPLICE_SITE_BP of introns in transcript direction."""
    chrom, start, end, is_minus = introns
    at_start = is_minus != is_donor
    return (
        chrom,
        np.where(at_start, start, end - SPLICE_SITE_BP),
        np.where(at_start, start + SPLICE_SITE_BP, end),
    )


def find_utrs(rows: np.ndarray, *, is_five_prime: bool) -> Stretches:
    """Rows that say so, and for transcripts without such rows what of an exon is not coding."""
    explicit = rows[rows["kind"] == (t.UTR5 if is_five_prime else t.UTR3)]
    has_rows = np.unique(transcript_keys(rows[np.isin(rows["kind"], (t.UTR5, t.UTR3))]))
    coding = rows[(rows["kind"] == t.CODING) & (rows["owner"] != 0)]
    keys, of_key = np.unique(transcript_keys(coding), return_inverse=True)
    first = np.full(len(keys), np.iinfo(np.int64).max)
    last = np.zeros(len(keys), dtype=np.int64)
    np.minimum.at(first, of_key, coding["start"])
    np.maximum.at(last, of_key, coding["end"])

    exons = rows[(rows["kind"] == t.EXON) & (rows["owner"] != 0)]
    key = transcript_keys(exons)
    implied = np.isin(key, keys) & ~np.isin(key, has_rows)
    exons, at = exons[implied], np.searchsorted(keys, key[implied])
    before = exons["is_minus"] != is_five_prime  # the UTR lies at lower positions than the CDS
    start = np.where(before, exons["start"], np.maximum(exons["start"], last[at]))
    end = np.where(before, np.minimum(exons["end"], first[at]), exons["end"])
    is_utr = end > start
    return (
        np.append(explicit["chrom"], exons["chrom"][is_utr]),
        np.append(explicit["start"], start[is_utr]),
        np.append(explicit["end"], end[is_utr]),
    )


def transcript_keys(rows: np.ndarray) -> np.ndarray:
    """One number per transcript: an id that recurs on another chrom or strand is another one."""
    place = rows["chrom"].astype(np.uint64) * np.uint64(2) + rows["is_minus"].astype(np.uint64)
    return rows["owner"] ^ ((place + np.uint64(1)) * np.uint64(0xD6E8FEB86659FD93))
