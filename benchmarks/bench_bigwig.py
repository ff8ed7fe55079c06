"""Bases per second and peak memory of merging shards and writing bigWigs, against pyBigWig.

    python benchmarks/bench_bigwig.py [--mb 20 60] [--rounds 3] [--write]

Every writer runs in a process of its own on the same seeded values, which look like a track of
SegmentNT (mostly near 0, few stretches near 1, in steps of 1/255). Writers take turns within a
round; the table holds medians. Times leave out imports and the loading of compiled code, which
each process does first on a file of 10 kb; peak memory is that of the whole process, imports
included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe_machine, peak_mb

CHROM = "chr1"
PIECE = 1_000_000
CORE = 25_000
RESULTS = Path(__file__).parent / "results"
WRITERS = {
    "pyBigWig": "pyBigWig.addEntries, fixedStep, NumPy",
    "writer-1": "BigWigWriter, 1 thread",
    "writer-2": "BigWigWriter, 2 threads",
    "merge-1": "merge_track from shards with seam QC, 1 thread",
    "merge-2": "merge_track from shards with seam QC, 2 threads",
}
PACKAGES = ("numpy", "isal", "blosc2", "pyBigWig", "basewise")


def make_signal(size: int, seed: int) -> np.ndarray:
    """Probabilities of one rare element as uint8 steps of 1/255: (size,)."""
    rng = np.random.default_rng(seed)
    logit = np.full(size, -4.7, dtype=np.float32)
    for scale in (1, 10, 100, 1_000):
        knots = rng.normal(0, 0.45, size // scale + 2).astype(np.float32)
        logit += np.interp(np.arange(size) / scale, np.arange(len(knots)), knots)
    for centre in rng.integers(0, size, size // 20_000):
        width = int(rng.integers(200, 1_500))
        low, high = max(0, centre - width), min(size, centre + width)
        logit[low:high] += 8 * np.hanning(high - low).astype(np.float32)
    return np.rint(255 / (1 + np.exp(-logit))).astype(np.uint8)


def prepare(folder: Path, size: int, seed: int) -> None:
    """The values as one float32 file, and as four shards of 25 kb cores."""
    from basewise.tracks import Track
    from basewise.tracks.quantise import decode
    from basewise.tracks.shard import ShardWriter

    stored = make_signal(size, seed)
    decode(stored).tofile(folder / "values.f32")
    cores = [(CHROM, start, min(size, start + CORE)) for start in range(0, size, CORE)]
    for number in range(4):
        part = cores[len(cores) * number // 4 : len(cores) * (number + 1) // 4]
        with ShardWriter(
            folder / f"{number}.shard",
            tracks=[Track("enhancer")],
            dtype="uint8",
            resolution_bp=1,
            metadata={},
        ) as writer:
            for core in part:
                writer.add(core, stored[None, core[1] : core[2]])


def write(writer: str, folder: Path, size: int, output: Path) -> None:
    """Write the prepared values with one of the writers."""
    name, _, threads = writer.partition("-")
    if name == "merge":
        from basewise.tracks.merge import merge_track

        shards = [folder / f"{number}.shard" for number in range(4)]
        seams = folder / "seams.tsv"
        options = {"compress_threads": int(threads)}
        merge_track(shards, "enhancer", {CHROM: size}, None, output, seams, **options)
        return
    values = folder / "values.f32"
    pieces = (
        np.fromfile(values, dtype=np.float32, count=PIECE, offset=4 * start)
        for start in range(0, size, PIECE)
    )
    if name == "pyBigWig":
        from reference.pybigwig_loop import write_with_pybigwig

        write_with_pybigwig(os.fspath(output), CHROM, size, pieces)
        return
    from basewise.tracks.bigwig.writer import BigWigWriter

    with BigWigWriter(output, {CHROM: size}, compress_threads=int(threads)) as bigwig:
        for number, piece in enumerate(pieces):
            bigwig.add(CHROM, number * PIECE, piece)


def work(writer: str, folder: Path, size: int) -> None:
    """One measured run, in this process; prints its numbers as JSON."""
    write(writer, folder / "warm", 10_000, folder / "warm.bw")
    output = folder / f"{writer}.bw"
    wall, cpu = time.perf_counter(), time.process_time()
    write(writer, folder, size, output)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    file_mb = output.stat().st_size / 1e6
    print(json.dumps({"wall": wall, "cpu": cpu, "rss_mb": peak_mb(), "file_mb": file_mb}))


def check(folder: Path, size: int) -> None:
    """Every file holds the values that went in."""
    from basewise.tracks.bigwig.reader import read_values

    for start in range(0, size, PIECE):
        end = min(size, start + PIECE)
        expected = np.fromfile(
            folder / "values.f32", dtype=np.float32, count=end - start, offset=4 * start
        )
        for writer in WRITERS:
            found = read_values(folder / f"{writer}.bw", CHROM, start, end)
            np.testing.assert_array_equal(found, expected, err_msg=writer)


def measure(size: int, rounds: int, seed: int) -> list[dict]:
    """Medians over the rounds, a row per writer."""
    runs: dict[str, list[dict]] = {writer: [] for writer in WRITERS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "warm").mkdir()
        prepare(folder, size, seed)
        prepare(folder / "warm", 10_000, seed)
        for _ in range(rounds):
            for writer in WRITERS:
                command = [sys.executable, __file__, "--work", writer, name, str(size)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[writer].append(json.loads(done.stdout))
        check(folder, size)
    rows = []
    for writer, taken in runs.items():
        median = {key: statistics.median(run[key] for run in taken) for key in taken[0]}
        rows.append({"writer": writer, "mb": size / 1e6, "rounds": rounds, **median})
    base = rows[0]
    for row in rows:
        row["mbase_s"] = row["mb"] / row["wall"]
        row["mbase_cpu_s"] = row["mb"] / row["cpu"]
        row["times_wall"] = base["wall"] / row["wall"]
        row["times_cpu"] = base["cpu"] / row["cpu"]
    return rows


def as_markdown(rows: list[dict], machine: dict) -> str:
    """The table, and the machine in one line."""
    lines = [
        "# Merging and bigWig writing",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        "| bases | writer | Mbase/s | times pyBigWig | Mbase/CPU-s | times pyBigWig, CPU "
        "| peak memory, MB | file, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['mb']:.0f} M | {WRITERS[row['writer']]} | {row['mbase_s']:.1f} "
        f"| {row['times_wall']:.1f} | {row['mbase_cpu_s']:.1f} | {row['times_cpu']:.1f} "
        f"| {row['rss_mb']:.0f} | {row['file_mb']:.1f} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=float, nargs="+", default=[20.0, 60.0], help="megabases")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        writer, folder, size = options.work
        return work(writer, Path(folder), int(size))
    machine = describe_machine(PACKAGES)
    rows = [
        row for mb in options.mb for row in measure(int(mb * 1e6), options.rounds, options.seed)
    ]
    table = as_markdown(rows, machine)
    print(table)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_bigwig.md").write_text(table, encoding="utf-8")
        record = json.dumps({"machine": machine, "rows": rows}, indent=1)
        (RESULTS / "bench_bigwig.json").write_text(record + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
