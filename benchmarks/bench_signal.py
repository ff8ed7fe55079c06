"""Values of loci from bigWigs: bins made once, against reading the bigWig for every locus.

    python benchmarks/bench_signal.py [--mb 100] [--rounds 3] [--write]

Two seeded files, one of runs as fold-change tracks have them (14 bp on average, a tenth of the
chrom without a value) and one with a smooth value for every base, are read at 1,000 loci of
896 bins of 128 bp, on the grid, mean over the bases with a value. Readers take turns, each on
as many loci as about a second allows; the table holds medians of loci per second. All are compared
with the values of the bases. `bin_bigwig` is timed apart: it is paid once per file.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
from machine import describe_machine, peak_mb

from basewise.peaks.signal import BinnedSignal, SignalTargets, bin_bigwig
from basewise.tracks.bigwig.binning import bin_values
from basewise.tracks.bigwig.blocks import BigWigBlocks

CHROM, RESOLUTION, BINS, LOCI = "chr1", 128, 896, 1_000
WIDTH = RESOLUTION * BINS
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "numba", "isal", "pyBigWig", "basewise")
READERS = {
    "targets": "SignalTargets.read, all loci at once",
    "slices": "BinnedSignal.read, locus by locus",
    "exact": "bin_values from the bigWig, any start",
    "values": "pyBigWig.values, NumPy, then bins",
    "stats": "pyBigWig.stats(nBins=896, exact=True)",
    "per_bin": "pyBigWig.stats(exact=True), bin by bin",
}
LOCI_PER_ROUND = {"targets": LOCI, "slices": LOCI, "exact": 300, "values": 150}
LOCI_PER_ROUND |= {"stats": 6, "per_bin": 6}


def write_runs(path: Path, size: int, seed: int) -> None:
    """Runs of 14 bp on average with a tenth of them left out."""
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader([(CHROM, size)])
        at = 0
        while at < size:
            edges = at + np.cumsum(rng.integers(1, 28, 200_000))
            starts, ends = np.append(at, edges[:-1]), edges
            at = int(edges[-1])
            kept = (rng.random(len(starts)) > 0.1) & (ends <= size)
            values = np.round(rng.gamma(2, 1, kept.sum()), 3)
            bigwig.addEntries(
                [CHROM] * int(kept.sum()),
                starts[kept].tolist(),
                ends=ends[kept].tolist(),
                values=values.tolist(),
            )


def write_bases(path: Path, size: int, seed: int) -> None:
    """A value for every base: noise averaged over 100 bp, in two decimals."""
    from basewise.tracks.bigwig.writer import BigWigWriter

    rng = np.random.default_rng(seed)
    with BigWigWriter(path, {CHROM: size}) as writer:
        for start in range(0, size, 1_000_000):
            n = min(size - start, 1_000_000)
            sums = np.cumsum(rng.gamma(2, 1, n + 100))
            values = np.round((sums[100:] - sums[:-100]) / 100, 2)
            writer.add(CHROM, start, values.astype(np.float32))


def make_readers(bigwig: Path, folder: Path, size: int) -> dict[str, Callable]:
    """A function (starts) -> values (n, bins) by each way to read, and the time of binning."""
    pd.DataFrame(
        [{"name": "x", "target": "X", "biotype": "", "bins": "x.npy", "bigwig": bigwig.name}]
    ).to_csv(folder / "signals.tsv", sep="\t", index=False)
    targets = SignalTargets(folder / "signals.tsv")
    binned = BinnedSignal(folder / "x.npy")
    blocks = BigWigBlocks(bigwig)
    opened = pyBigWig.open(str(bigwig))

    def read_targets(starts):
        loci = pd.DataFrame({"chrom": CHROM, "start": starts, "end": starts + WIDTH})
        return targets.read(loci)[:, :, 0]

    def read_slices(starts):
        return np.stack([binned.read(CHROM, s, s + WIDTH) for s in starts.tolist()])

    def read_exact(starts):
        return np.stack(
            [
                bin_values(blocks, CHROM, s, s + WIDTH, resolution_bp=RESOLUTION)
                for s in starts.tolist()
            ]
        )

    def read_values(starts):
        return np.stack([fold(opened, s) for s in starts.tolist()])

    def read_stats(starts):
        rows = [opened.stats(CHROM, s, s + WIDTH, nBins=BINS, exact=True) for s in starts.tolist()]
        return np.array(rows, dtype=float)

    def read_bin(start):
        return opened.stats(CHROM, start, start + RESOLUTION, exact=True)[0]

    def read_per_bin(starts):
        return np.array(
            [[read_bin(b) for b in range(s, s + WIDTH, RESOLUTION)] for s in starts.tolist()],
            dtype=float,
        )

    return {
        "targets": read_targets,
        "slices": read_slices,
        "exact": read_exact,
        "values": read_values,
        "stats": read_stats,
        "per_bin": read_per_bin,
    }


def fold(opened, start: int) -> np.ndarray:
    """The bins of one locus by the values of its bases."""
    values = opened.values(CHROM, start, start + WIDTH, numpy=True).astype(np.float64)
    values = values.reshape(BINS, RESOLUTION)
    covered = ~np.isnan(values)
    sums = np.where(covered, values, 0).sum(1)
    return np.divide(sums, covered.sum(1), out=np.full(BINS, np.nan), where=covered.any(1))


def measure(kind: str, size: int, rounds: int, seed: int) -> tuple[list[dict], dict]:
    """A row per reader of one file, and the time to bin it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bigwig = folder / "x.bw"
        {"runs": write_runs, "bases": write_bases}[kind](bigwig, size, seed)
        warm = folder / "warm.bw"
        write_bases(warm, 100_000, seed)
        bin_bigwig(warm, folder / "warm.npy", {CHROM: 100_000}, resolution_bp=RESOLUTION)
        walls, cpus = [], []
        for _ in range(rounds):
            (folder / "x.json").unlink(missing_ok=True)
            wall, cpu = time.perf_counter(), time.process_time()
            bin_bigwig(bigwig, folder / "x.npy", {CHROM: size}, resolution_bp=RESOLUTION)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        binning = {
            "file": kind,
            "mb": size / 1e6,
            "bigwig_mb": bigwig.stat().st_size / 1e6,
            "bins_mb": (folder / "x.npy").stat().st_size / 1e6,
            "wall": statistics.median(walls),
            "mbase_s": size / 1e6 / statistics.median(walls),
            "mbase_cpu_s": size / 1e6 / statistics.median(cpus),
            "peak_mb": peak_mb(),
        }
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, (size - WIDTH) // RESOLUTION, LOCI) * RESOLUTION
        readers = make_readers(bigwig, folder, size)
        truth = readers["values"](starts[:6])
        rates: dict[str, list[float]] = {reader: [] for reader in readers}
        errors = {}
        for reader, read in readers.items():
            found = np.nan_to_num(read(starts[:6]))
            errors[reader] = float(np.abs(found - np.nan_to_num(truth)).max())
        for _ in range(rounds):
            for reader, read in readers.items():
                chosen = starts[: LOCI_PER_ROUND[reader]]
                began = time.perf_counter()
                read(chosen)
                rates[reader].append(len(chosen) / (time.perf_counter() - began))
    rows = [
        {
            "file": kind,
            "reader": reader,
            "loci_s": statistics.median(rate),
            "error": errors[reader],
            "times_per_bin": statistics.median(rate) / statistics.median(rates["per_bin"]),
        }
        for reader, rate in rates.items()
    ]
    return rows, binning


def as_markdown(rows: list[dict], binnings: list[dict], machine: dict) -> str:
    """The two tables, and the machine in one line."""
    lines = [
        "# Signal of loci: bigWigs binned once",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        f"{LOCI:,} loci of {BINS} bins of {RESOLUTION} bp; the largest difference is that from the "
        "means of the bases' values.",
        "",
        "| file | reader | loci/s | times pyBigWig.stats by bin | largest difference |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['file']} | {READERS[row['reader']]} | {row['loci_s']:,.1f} "
        f"| {row['times_per_bin']:,.1f} | {row['error']:.1g} |"
        for row in rows
    ]
    lines += [
        "",
        "Binning a file, once (`bin_bigwig`, one process):",
        "",
        "| file | Mb | bigWig, MB | bins, MB | s | Mbase/s | Mbase/CPU-s | hg38, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['file']} | {row['mb']:.0f} | {row['bigwig_mb']:.0f} | {row['bins_mb']:.1f} "
        f"| {row['wall']:.2f} | {row['mbase_s']:.0f} | {row['mbase_cpu_s']:.0f} "
        f"| {3_100 / row['mbase_s']:.1f} |"
        for row in binnings
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=float, default=100.0, help="megabases of each file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    machine = describe_machine(PACKAGES)
    rows, binnings = [], []
    for kind in ("runs", "bases"):
        measured, binning = measure(kind, int(options.mb * 1e6), options.rounds, options.seed)
        rows += measured
        binnings.append(binning)
    table = as_markdown(rows, binnings, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_signal.md").write_text(table, encoding="utf-8")
        record = json.dumps({"machine": machine, "rows": rows, "binning": binnings}, indent=1)
        (RESULTS / "bench_signal.json").write_text(record + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
