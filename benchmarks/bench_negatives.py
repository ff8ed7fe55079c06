"""Random negatives per second, against `bedtools shuffle -excl` and a loop that rejects.

    python benchmarks/bench_negatives.py [--n 1000000] [--rounds 3] [--write]
    python benchmarks/bench_negatives.py --scopes    scoped and hard ones: see bench_scopes.py

Windows of 4,096 bp on the chroms of hg38, with two exclusions: "sparse", 100,000 peaks of 300 bp,
and "union", 4.4 million of them, which is what the union of ReMap's peaks leaves of the genome:
less than 0.2 % of the starts. Every way runs in a process of its own; ways take turns within a
round; the table holds medians. What each way reads and writes is in its name; times leave out
imports and the loading of compiled code. Every window is checked afterwards against what it must
avoid.

Where most of the genome is excluded, bedtools and the loop take minutes to hours, so they draw
fewer windows, twice: the difference of the two times is the time per window, from which the time
for all is extrapolated. The table says so.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from pathlib import Path

import numpy as np
import pandas as pd
from machine import describe_machine, peak_mb

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
CHROMSIZES = ROOT / "resources" / "chromsizes" / "hg38.tsv"
WIDTH_BP, PEAK_BP = 4_096, 300
CASES = {"sparse": 100_000, "union": 4_400_000}
WAYS = {
    "unique": "basewise, no window twice; intervals in memory to starts in memory",
    "replace": "basewise, with replacement; the same",
    "file": "basewise generate_negatives, no window twice; peak store to Parquet",
    "bedtools": "bedtools shuffle -excl -maxTries 100000; BED to BED",
    "loop": "Python loop: random.choices, bisect, reject; lists in memory to a list in memory",
}
FEW = {("union", "bedtools"): (500, 2_500), ("union", "loop"): (200, 1_000)}
PACKAGES = ("numpy", "numba", "pyarrow", "basewise")


def read_sizes() -> dict[str, int]:
    from basewise.intervals import read_chromsizes

    return read_chromsizes(CHROMSIZES)


def prepare(folder: Path, n_peaks: int, n: int, seed: int) -> None:
    """Peaks as arrays, as BED and as a peak store; windows for bedtools to place."""
    from basewise.peaks import write_store

    sizes = read_sizes()
    rng = np.random.default_rng(seed)
    lengths = np.array(list(sizes.values()))
    counts = rng.multinomial(n_peaks, lengths / lengths.sum())
    frames = []
    for chrom, size, count in zip(sizes, lengths, counts, strict=True):
        start = np.sort(rng.integers(0, size - PEAK_BP, count))
        np.save(folder / f"{chrom}.npy", np.column_stack((start, start + PEAK_BP)))
        frame = pd.DataFrame({"chrom": chrom, "start": start, "end": start + PEAK_BP})
        frames.append(frame)
    pd.concat(frames).to_csv(folder / "peaks.bed", sep="\t", header=False, index=False)
    names = {"experiment": "E", "target": "T", "biotype": "B", "modification": "", "score": 0.0}
    write_store(
        (frame.assign(summit=frame["start"] + PEAK_BP // 2, **names) for frame in frames),
        folder / "store",
        chromsizes=sizes,
    )
    for count in {n, *FEW["union", "bedtools"]}:
        lines = f"chr1\t0\t{WIDTH_BP}\n" * count
        (folder / f"windows-{count}.bed").write_text(lines, encoding="utf-8")


def clock() -> np.ndarray:
    """Seconds, and those of the processor in this process and in those it ran: (2,)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() + children.ru_utime + children.ru_stime
    return np.array([time.perf_counter(), cpu])


def load_peaks(folder: Path) -> dict[str, np.ndarray]:
    return {chrom: np.load(folder / f"{chrom}.npy") for chrom in read_sizes()}


def draw_in_memory(folder: Path, n: int, *, replace: bool):
    """((seconds, CPU-s), windows by chrom) of basewise on intervals in memory."""
    from basewise.peaks.negatives.allowed import find_allowed_starts
    from basewise.peaks.negatives.random import draw_random
    from basewise.peaks.negatives.seeds import derive_rng

    sizes, peaks = read_sizes(), load_peaks(folder)
    began = clock()
    allowed = find_allowed_starts(sizes, [peaks], WIDTH_BP)
    chrom, start = allowed.locate(draw_random(allowed, n, derive_rng(1, "bench"), replace=replace))
    spent = clock() - began
    return spent, {name: start[chrom == i] for i, name in enumerate(allowed.chroms)}


def draw_to_file(folder: Path, n: int):
    """((seconds, CPU-s), windows by chrom) of basewise from a store to Parquet."""
    from basewise.peaks.negatives import NegativeSettings, generate_negatives

    settings = NegativeSettings("random", WIDTH_BP, n=n)
    began = clock()
    generate_negatives(folder / "store", folder / "n.parquet", settings=settings, seed=1)
    spent = clock() - began
    frame = pd.read_parquet(folder / "n.parquet")
    return spent, {c: f["start"].to_numpy() for c, f in frame.groupby("chrom", observed=True)}


def draw_with_bedtools(folder: Path, n: int):
    """((seconds, CPU-s), windows by chrom) of bedtools."""
    command = ["bedtools", "shuffle", "-i", folder / f"windows-{n}.bed", "-g", CHROMSIZES]
    command += ["-excl", folder / "peaks.bed", "-seed", "1", "-maxTries", "100000"]
    began = clock()
    with (folder / "shuffled.bed").open("wb") as stream:
        subprocess.run(list(map(str, command)), check=True, stdout=stream)
    spent = clock() - began
    frame = pd.read_csv(folder / "shuffled.bed", sep="\t", names=["chrom", "start", "end"])
    return spent, {c: f["start"].to_numpy() for c, f in frame.groupby("chrom")}


def draw_in_loop(folder: Path, n: int):
    """((seconds, CPU-s), windows by chrom) of a loop that rejects what touches a peak."""
    sizes, peaks = read_sizes(), load_peaks(folder)
    starts = {chrom: rows[:, 0].tolist() for chrom, rows in peaks.items()}
    ends = {chrom: rows[:, 1].tolist() for chrom, rows in peaks.items()}
    names, weights = list(sizes), list(sizes.values())
    draws = random.Random(1)
    found: dict[str, list[int]] = {chrom: [] for chrom in names}
    n_found = 0
    began = clock()
    while n_found < n:
        chrom = draws.choices(names, weights)[0]
        start = draws.randrange(sizes[chrom] - WIDTH_BP + 1)
        if bisect_left(starts[chrom], start + WIDTH_BP) == bisect_right(ends[chrom], start):
            found[chrom].append(start)
            n_found += 1
    spent = clock() - began
    return spent, {chrom: np.array(rows, dtype=np.int64) for chrom, rows in found.items()}


def count_bad(folder: Path, windows: dict[str, np.ndarray]) -> int:
    """Windows that leave their chrom or touch a peak."""
    sizes, peaks = read_sizes(), load_peaks(folder)
    bad = 0
    for chrom, starts in windows.items():
        rows = peaks[chrom]
        before = np.searchsorted(rows[:, 0], starts + WIDTH_BP)
        touches = before != np.searchsorted(rows[:, 1], starts, side="right")
        bad += int(np.sum(touches | (starts < 0) | (starts + WIDTH_BP > sizes[chrom])))
    return bad


def work(way: str, folder: Path, n: int) -> None:
    """One measured run, in this process; prints its numbers as JSON."""
    ways = {
        "unique": lambda count: draw_in_memory(folder, count, replace=False),
        "replace": lambda count: draw_in_memory(folder, count, replace=True),
        "file": lambda count: draw_to_file(folder, count),
        "bedtools": lambda count: draw_with_bedtools(folder, count),
        "loop": lambda count: draw_in_loop(folder, count),
    }
    if way in ("unique", "replace", "file"):
        ways[way](1_000)
    before = peak_mb()
    (seconds, cpu), windows = ways[way](n)
    memory = peak_mb()
    made = sum(map(len, windows.values()))
    bad = count_bad(folder, windows)
    print(json.dumps({"s": seconds, "cpu": cpu, "mb": memory - before, "made": made, "bad": bad}))


def run(way: str, folder: Path, n: int) -> dict:
    command = [sys.executable, __file__, "--work", way, str(folder), str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(case: str, n: int, n_peaks: int, rounds: int, seed: int) -> list[dict]:
    """Medians over the rounds, a row per way."""
    runs: dict[str, list[dict]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, n_peaks, n, seed)
        for _ in range(rounds):
            for way in WAYS:
                few = FEW.get((case, way))
                if few is None:
                    one = run(way, folder, n)
                    runs[way].append({"seconds": one["s"], "cpu_s": one["cpu"], "drawn": n, **one})
                    continue
                low, high = (run(way, folder, count) for count in few)
                whole = {
                    key: high[key] + (n - few[1]) * (high[key] - low[key]) / (few[1] - few[0])
                    for key in ("s", "cpu")
                }
                spent = {"seconds": whole["s"], "cpu_s": whole["cpu"], "drawn": few[1]}
                runs[way].append(spent | high)
    rows = []
    for way, taken in runs.items():
        assert all(one["made"] == one["drawn"] and not one["bad"] for one in taken), (way, taken)
        seconds = statistics.median(one["seconds"] for one in taken)
        row = {
            "case": case,
            "n_peaks": n_peaks,
            "way": way,
            "n": n,
            "drawn": taken[0]["drawn"],
            "rounds": rounds,
        }
        row["cpu_s"] = statistics.median(one["cpu_s"] for one in taken)
        rows.append({**row, "seconds": seconds, "million_s": n / seconds / 1e6})
    for row in rows:
        for other in rows[3:]:
            row[f"times_{other['way']}"] = other["seconds"] / row["seconds"]
            row[f"times_{other['way']}_cpu"] = other["cpu_s"] / row["cpu_s"]
    return rows


def as_markdown(rows: list[dict], machine: dict) -> str:
    """The table, and the machine in one line."""
    lines = [
        "# Random negatives",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        f"Windows of {WIDTH_BP:,} bp on hg38; none touches a peak. Times with ~ are extrapolated "
        "per window from the number that was drawn.",
        "",
        "| exclusion | way | windows drawn | seconds for all | M/s | times bedtools | times loop "
        "| CPU-s | times bedtools, CPU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        about = "~" if row["drawn"] != row["n"] else ""
        lines.append(
            f"| {row['case']} ({row['n_peaks']:,} peaks) | {WAYS[row['way']]} "
            f"| {row['drawn']:,} of {row['n']:,} | {about}{row['seconds']:.3g} "
            f"| {row['million_s']:.3g} | {row['times_bedtools']:.3g} | {row['times_loop']:.3g} "
            f"| {about}{row['cpu_s']:.3g} | {row['times_bedtools_cpu']:.3g} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000, help="windows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the peaks, to try it out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    parser.add_argument("--scopes", action="store_true", help="scoped and hard ones, instead")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        way, folder, n = options.work
        return work(way, Path(folder), int(n))
    machine = describe_machine(PACKAGES)
    rows = []
    if options.scopes:
        from bench_scopes import N_PEAKS, measure_scopes, scopes_as_markdown

        for n_peaks in N_PEAKS:
            rows += measure_scopes(int(n_peaks * options.share), options.rounds, options.seed)
        name, table = "bench_scopes", scopes_as_markdown(rows, machine)
    else:
        for case, n_peaks in CASES.items():
            n_peaks = int(n_peaks * options.share)
            rows += measure(case, options.n, n_peaks, options.rounds, options.seed)
        name, table = "bench_negatives", as_markdown(rows, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(table, encoding="utf-8")
        record = json.dumps({"machine": machine, "rows": rows}, indent=1)
        (RESULTS / f"{name}.json").write_text(record + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
