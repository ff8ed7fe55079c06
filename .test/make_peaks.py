"""Plant peaks and signals on the toy genome: python .test/make_peaks.py

Writes data/toy_remap.bed.gz, in the layout of ReMap's `all` file: each target has a motif, and
binds most of the places that have it, in one biotype all of them and in the other every second.
data/toy_bigwigs/ holds the coverage of each target's peaks, and data/toy_loci.bed where to read it.
"""

import gzip
import re
from pathlib import Path

import numpy as np
import pyBigWig

DATA = Path(__file__).parent / "data"
MOTIFS = {"TOYA": "TGACTCA", "TOYB_S5ph": "CACGTG", "TOYC-TOYA": "GGGCGG"}
BIOTYPES = {"liver": 1, "K-1.2": 2}  # name -> every n-th place is bound
FRAGMENT_BP, LOCUS_BP, MOST = 150, 2_048, 60


def read_toy() -> dict[str, str]:
    """The chroms of the toy genome that are long enough to hold a peak."""
    records = gzip.decompress((DATA / "toy.fa.gz").read_bytes()).decode().split(">")[1:]
    chroms = {record.split()[0]: "".join(record.split("\n")[1:]).upper() for record in records}
    return {chrom: bases for chrom, bases in chroms.items() if len(bases) > 10_000}


def plant(chroms: dict[str, str]) -> list[tuple]:
    """The rows, by chrom and start."""
    rng = np.random.default_rng(4)
    rows = []
    for number, (target, motif) in enumerate(MOTIFS.items(), start=1):
        for chrom, bases in chroms.items():
            places = [match.start() + len(motif) // 2 for match in re.finditer(motif, bases)]
            for biotype, every in BIOTYPES.items():
                for summit in places[:MOST:every]:
                    start = max(0, summit - int(rng.integers(60, 200)))
                    end = min(len(bases), summit + int(rng.integers(60, 200)))
                    score = round(float(rng.gamma(2, 20)), 2)
                    name = f"GSE{number}.{target}.{biotype}"
                    rows.append((chrom, start, end, name, score, ".", summit, summit + 1, "0,0,0"))
    rows.append((*rows[0],))  # one row twice, and one on a chrom that the genome lacks
    rows.append(("chrUn_1", 10, 90, "GSE1.TOYA.liver", 9.0, ".", 50, 51, "0,0,0"))
    return sorted(rows, key=lambda row: (row[0], row[1], row[2]))


def write_signals(chroms: dict[str, str], rows: list[tuple]) -> None:
    """A bigWig for each target, none where nothing is covered; loci on a grid of 128 bp."""
    folder = DATA / "toy_bigwigs"
    folder.mkdir(exist_ok=True)
    for target in MOTIFS:
        with pyBigWig.open(str(folder / f"{target}.bw"), "w") as bigwig:
            bigwig.addHeader([(chrom, len(chroms[chrom])) for chrom in sorted(chroms)], maxZooms=1)
            for chrom in sorted(chroms):
                depth = np.zeros(len(chroms[chrom]), np.int64)
                for row in rows:
                    if row[0] == chrom and row[3].split(".")[1] == target:
                        depth[max(0, row[6] - FRAGMENT_BP) : row[6] + FRAGMENT_BP] += 1
                edges = np.flatnonzero(np.diff(depth)) + 1
                starts, ends = np.append(0, edges), np.append(edges, len(depth))
                held = depth[starts] > 0
                if held.any():
                    bigwig.addEntries(
                        [chrom] * int(held.sum()),
                        starts[held].tolist(),
                        ends=ends[held].tolist(),
                        values=depth[starts][held].astype(float).tolist(),
                    )
    splits = {"chr1": "train", "chr2": "valid", "chr3": "test"}
    loci = [
        f"{chrom}\t{start}\t{start + LOCUS_BP}\t{splits[chrom]}\n"
        for chrom, bases in chroms.items()
        for start in range(0, len(bases) - LOCUS_BP, 5 * LOCUS_BP)
    ]
    (DATA / "toy_loci.bed").write_text("".join(loci))
    signals = ["name\ttarget\tbiotype\n", *(f"{t}\t{t.split('_')[0]}\tliver\n" for t in MOTIFS)]
    (DATA / "toy_signals.tsv").write_text("".join(signals))


def main() -> None:
    chroms = read_toy()
    rows = plant(chroms)
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    packed = gzip.compress(text.encode(), mtime=0)
    (DATA / "toy_remap.bed.gz").write_bytes(packed)
    write_signals(chroms, rows)


if __name__ == "__main__":
    main()
