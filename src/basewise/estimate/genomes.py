"""How long the chroms of an assembly are and where their gaps lie, as far as that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.estimate.shipped import ROOTS, find_shipped
from basewise.genome.fasta import is_wanted
from basewise.intervals import IntervalMap, read_bed, read_chromsizes

GZIPPED_BP_PER_BYTE = 3.3  # hg38.fa.gz: 3.1 Gbp with soft-masked letters in 0.94 GB
LINE_SHARE = 60 / 61  # of a FASTA's bytes that are bases


@dataclass(frozen=True)
class KnownGenome:
    """What is known of an assembly.

    Attributes:
        chromsizes: bp by chrom, in order.
        gaps: runs of N by chrom; None where nobody looked, and every base may be scored.
        source: where that is from.
    """

    chromsizes: Mapping[str, int]
    gaps: IntervalMap | None
    source: str

    @property
    def size_bp(self) -> int:
        """Bases of all chroms."""
        return sum(self.chromsizes.values())


def find_genome(
    assembly: str,
    row: Mapping,
    *,
    resources: Path = Path("resources"),
    chromsizes: Path | None = None,
) -> KnownGenome:
    """Return what is known: what was given, else what the workflow indexed, else what ships.

    Args:
        row: of the assemblies table.
        chromsizes: a table of chroms and lengths, before the row's filters.

    Raises:
        BasewiseError: nothing is known; says how to tell.
    """
    if chromsizes is not None:
        return _filtered(read_chromsizes(chromsizes), row, str(chromsizes))
    indexed = resources / assembly / "chrom.sizes"
    gaps = resources / assembly / "gaps.bed"
    fai = resources / assembly / "genome.fa.fai"
    for path in (indexed, fai):
        if path.is_file():
            sizes = read_chromsizes(path)
            known_gaps = read_bed(gaps, sizes) if gaps.is_file() else None
            return KnownGenome(sizes, known_gaps, str(path))
    return find_stable_genome(assembly, row)


def find_stable_genome(assembly: str, row: Mapping) -> KnownGenome:
    """Return what is known from the row and the shipped tables alone, which no job changes.

    Raises:
        BasewiseError: nothing is known; says how to tell.
    """
    name = f"resources/chromsizes/{assembly}.tsv"
    if any((root / name).is_file() for root in ROOTS):
        return _filtered(read_chromsizes(find_shipped(name)), row, name)
    fasta = Path(row["fasta"])
    fai = Path(f"{fasta}.fai")
    if fai.is_file():
        return _filtered(read_chromsizes(fai), row, str(fai))
    if fasta.is_file():
        return _guess_from_bytes(fasta)
    raise BasewiseError(
        f"the chrom lengths of assembly '{assembly}' are not known before it is fetched",
        found=f"none for it among {', '.join(_list_shipped())}",
        hint=f"Give them as --chromsizes {assembly}=FILE (chrom, tab, bp), or fetch the genome "
        "first by `snakemake prefetch`.",
    )


def _guess_from_bytes(fasta: Path) -> KnownGenome:
    """One chrom of about as many bp as the file has bases."""
    is_packed = fasta.suffix in (".gz", ".bgz")
    scale = GZIPPED_BP_PER_BYTE if is_packed else LINE_SHARE
    size = max(1, round(fasta.stat().st_size * scale))
    return KnownGenome({"(all)": size}, None, f"the size of {fasta}, roughly")


def _filtered(sizes: Mapping[str, int], row: Mapping, source: str) -> KnownGenome:
    include: Sequence[str] = row["include"]
    kept = {
        chrom: size
        for chrom, size in sizes.items()
        if is_wanted(chrom, include, row["exclude"]) and size >= row["min_contig_bp"]
    }
    if not kept:
        raise BasewiseError(
            f"include, exclude and min_contig_bp of assembly '{row['assembly']}' leave no chrom",
            found=f"{', '.join(list(sizes)[:5])}, … in {source}",
        )
    return KnownGenome(kept, None, source)


def _list_shipped() -> list[str]:
    return sorted(path.stem for path in find_shipped("resources/chromsizes").glob("*.tsv"))
