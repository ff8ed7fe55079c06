"""A catalogue of peaks shaped like ReMap's `all` file for hg38: BED9, sorted, gzip, seeded.

    python benchmarks/remap_like.py --rows 3_000_000 --out remap_like.bed.gz [--seed 1]

Like ReMap 2022: 8,103 data sets of 1,210 targets in 737 biotypes, whose sizes follow Zipf's law;
biotypes with dots, targets and biotypes with modifications; most peaks in hot regions, some
anywhere; widths from a lognormal around 300 bp; the summit in thickStart. The same seed gives the
same rows.
"""

import argparse
import time
from pathlib import Path

import numba
import numpy as np
from isal import igzip_threaded

CHROMSIZES = Path(__file__).parents[1] / "resources" / "chromsizes" / "hg38.tsv"
N_DATASETS, N_TARGETS, N_BIOTYPES = 8_103, 1_210, 737
HOT_EVERY_BP = 12_000
PIECE = 1 << 19
LONGEST_ROW = 160
LINES = ["K-562", "MCF-7", "Hep-G2", "GM12878", "HEK293", "A-549", "LNCaP", "HeLa"]
DRUGS = ["E2", "DEX", "DOX"]


def make_names(rng: np.random.Generator) -> list[str]:
    """Names of data sets, EXPERIMENT.TARGET.BIOTYPE, the largest first."""
    targets = [f"{family}{i}" for i in range(303) for family in ("ZNF", "FOX", "SOX", "NR")]
    targets = [*targets[: N_TARGETS - 2], "PAX3-FOXO1", "NKX2-1"]
    biotypes = [*LINES, *(f"line-{i}" for i in range(N_BIOTYPES - len(LINES) - 20))]
    biotypes += [f"primary.cell.{i}" for i in range(20)]
    names = []
    for i in range(N_DATASETS):
        target = targets[i] if i < N_TARGETS else targets[int(N_TARGETS * rng.random() ** 2)]
        biotype = biotypes[i] if i < N_BIOTYPES else biotypes[int(N_BIOTYPES * rng.random() ** 3)]
        target += "_S118ph" if rng.random() < 0.01 else ""
        biotype += "_" + str(rng.choice(DRUGS)) if rng.random() < 0.15 else ""
        names.append(f"GSE{10_000 + 13 * i}.{target}.{biotype}")
    return [names[i] for i in rng.permutation(N_DATASETS)]


def draw_chrom(rng: np.random.Generator, size_bp: int, n_rows: int, cumulated: np.ndarray) -> tuple:
    """start, end, summit, score, name of peaks of one chrom, sorted by start: int64 (n_rows,)."""
    centres = rng.integers(0, size_bp, max(size_bp // HOT_EVERY_BP, 1))
    heat = np.cumsum(rng.pareto(1.2, len(centres)) + 0.05)
    hot = centres[np.searchsorted(heat, rng.random(n_rows) * heat[-1])]
    hot = hot + rng.normal(0, 120, n_rows).astype(np.int64)
    summit = np.where(rng.random(n_rows) < 0.85, hot, rng.integers(0, size_bp, n_rows))
    summit = np.clip(summit, 0, size_bp - 1)
    width = np.clip(rng.lognormal(5.7, 0.5, n_rows), 50, 5_000)
    start = np.maximum(summit - (width * rng.random(n_rows)).astype(np.int64), 0)
    end = np.minimum(np.maximum(start + width.astype(np.int64), summit + 1), size_bp)
    score = (10 * rng.gamma(1.5, 40, n_rows)).astype(np.int64)  # in tenths
    name = np.searchsorted(cumulated, rng.random(n_rows) * cumulated[-1])
    order = np.argsort(start, kind="stable")
    return tuple(column[order] for column in (start, end, summit, score, name))


@numba.njit(cache=True, nogil=True)
def _put(text, at, value):
    n_digits, rest = 1, value
    while rest >= 10:
        rest //= 10
        n_digits += 1
    for i in range(n_digits):
        text[at + n_digits - 1 - i] = 48 + value % 10
        value //= 10
    return at + n_digits


@numba.njit(cache=True, nogil=True)
def _put_text(text, at, other, first, last):
    for i in range(first, last):
        text[at] = other[i]
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def write_rows(chrom, rows, names, ends, text):
    """BED9 rows as bytes in `text`; returns their length."""
    at = 0
    start, end, summit, score, name = rows
    for i in range(len(start)):
        at = _put_text(text, at, chrom, 0, len(chrom))
        text[at] = 9
        at = _put(text, at + 1, start[i])
        text[at] = 9
        at = _put(text, at + 1, end[i])
        text[at] = 9
        at = _put_text(text, at + 1, names, ends[name[i]], ends[name[i] + 1])
        text[at] = 9
        at = _put(text, at + 1, score[i] // 10)
        text[at] = 46
        at = _put(text, at + 1, score[i] % 10)
        text[at], text[at + 1], text[at + 2] = 9, 46, 9
        at = _put(text, at + 3, summit[i])
        text[at] = 9
        at = _put(text, at + 1, summit[i] + 1)
        text[at] = 9
        for j in range(3):
            at = _put(text, at + 1 if j == 0 else at, (name[i] * (j + 7)) % 256)
            text[at] = 44
            at += 1
        text[at - 1] = 10
    return at


def write_catalogue(output: Path, n_rows: int, seed: int) -> None:
    """Write a catalogue of n_rows peaks."""
    rng = np.random.default_rng(seed)
    names = make_names(rng)
    cumulated = np.cumsum(1 / np.arange(1, len(names) + 1) ** 0.8)
    arena = np.frombuffer("".join(names).encode(), np.uint8)
    ends = np.append(0, np.cumsum([len(name) for name in names]))
    lines = CHROMSIZES.read_text().splitlines()
    sizes = {chrom: int(size) for chrom, size in (line.split("\t") for line in lines)}
    total = sum(sizes.values())
    edges = np.rint(np.cumsum([0, *sizes.values()]) / total * n_rows).astype(np.int64)
    text = np.empty(PIECE * LONGEST_ROW, np.uint8)
    with igzip_threaded.open(output, "wb", compresslevel=1, threads=1) as stream:
        for (chrom, size_bp), count in zip(sizes.items(), np.diff(edges).tolist(), strict=True):
            rows = draw_chrom(rng, size_bp, count, cumulated)
            for first in range(0, count, PIECE):
                piece = tuple(column[first : first + PIECE] for column in rows)
                chrom_text = np.frombuffer(chrom.encode(), np.uint8)
                used = write_rows(chrom_text, piece, arena, ends, text)
                stream.write(text[:used].tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    began = time.perf_counter()
    write_catalogue(options.out, options.rows, options.seed)
    megabytes = options.out.stat().st_size / 1e6
    seconds = time.perf_counter() - began
    print(f"{options.rows:,} rows, {megabytes:.0f} MB in {seconds:.0f} s: {options.out}")


if __name__ == "__main__":
    main()
