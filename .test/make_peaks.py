"""Plant signals on the toy genome: python .test/make_peaks.py

data/toy_bigwigs/ holds the coverage of each target's peaks in data/toy_remap.bed.gz, and
data/toy_loci.bed where to read it. `basewise toy genome --seed 7` makes the genome and the peaks.
"""

import gzip
from pathlib import Path

import numpy as np
import pyBigWig

DATA = Path(__file__).parent / "data"
FRAGMENT_BP, LOCUS_BP = 150, 2_048


def read_sizes() -> dict[str, int]:
    """The chroms of the toy genome that are long enough to hold a peak."""
    records = gzip.decompress((DATA / "toy.fa.gz").read_bytes()).decode().split(">")[1:]
    sizes = {record.split()[0]: len("".join(record.split("\n")[1:])) for record in records}
    return {chrom: size for chrom, size in sizes.items() if size > 10_000}


def read_summits() -> list[tuple[str, str, int]]:
    """Chrom, target and summit of every peak."""
    lines = gzip.decompress((DATA / "toy_remap.bed.gz").read_bytes()).decode().splitlines()
    rows = [line.split("\t") for line in lines]
    return [(row[0], row[3].split(".")[1], int(row[6])) for row in rows]


def write_signals(sizes: dict[str, int], summits: list[tuple[str, str, int]]) -> None:
    """A bigWig for each target, none where nothing is covered; loci on a grid of 128 bp."""
    folder = DATA / "toy_bigwigs"
    folder.mkdir(exist_ok=True)
    targets = sorted({target for _, target, _ in summits})
    for target in targets:
        with pyBigWig.open(str(folder / f"{target}.bw"), "w") as bigwig:
            bigwig.addHeader([(chrom, sizes[chrom]) for chrom in sorted(sizes)], maxZooms=1)
            for chrom in sorted(sizes):
                depth = np.zeros(sizes[chrom], np.int64)
                for where, whose, summit in summits:
                    if (where, whose) == (chrom, target):
                        depth[max(0, summit - FRAGMENT_BP) : summit + FRAGMENT_BP] += 1
                edges = np.flatnonzero(np.diff(depth)) + 1
                starts, ends = np.append(0, edges), np.append(edges, len(depth))
                held = depth[starts] > 0
                bigwig.addEntries(
                    [chrom] * int(held.sum()),
                    starts[held].tolist(),
                    ends=ends[held].tolist(),
                    values=depth[starts][held].astype(float).tolist(),
                )
    splits = {"chr1": "train", "chr2": "valid", "chr3": "test"}
    loci = [
        f"{chrom}\t{start}\t{start + LOCUS_BP}\t{splits[chrom]}\n"
        for chrom, size in sizes.items()
        for start in range(0, size - LOCUS_BP, 5 * LOCUS_BP)
    ]
    (DATA / "toy_loci.bed").write_text("".join(loci))
    signals = ["name\ttarget\tbiotype\n", *(f"{t}\t{t.split('_')[0]}\tliver\n" for t in targets)]
    (DATA / "toy_signals.tsv").write_text("".join(signals))


if __name__ == "__main__":
    write_signals(read_sizes(), read_summits())
