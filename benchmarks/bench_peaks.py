"""Rows per second and peak memory of reading and filtering a catalogue of peaks like ReMap's.

    python benchmarks/bench_peaks.py [--rows 3_000_000] [--rounds 3] [--store-rows 30_000_000]
                                     [--write]

Count: from a gzip file to peaks and bp per (target, biotype), without those on a blacklist.
Filter: from the same file to the rows that are not on the blacklist, as `bedtools intersect -v`
leaves them. Store: `build_store`, from the file to a store on disk. All tools of a task must give
the same. Each runs in a process of its own, in turns within a round; the table holds medians.
Times leave out imports and the loading of compiled code, which each process does first on a small
file; peak memory is that of the whole process.
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

RESULTS = Path(__file__).parent / "results"
CHROMSIZES = Path(__file__).parents[1] / "resources" / "chromsizes" / "hg38.tsv"
PACKAGES = ("numpy", "numba", "isal", "pandas", "polars", "pyarrow", "pybedtools", "basewise")
TOOLS = {
    "count": {
        "pandas": "pandas read_csv, str.split of every name",
        "polars": "polars read_csv, split of every name",
        "polars-names": "polars read_csv, split of distinct names",
        "basewise": "basewise Catalogue and overlaps",
    },
    "filter": {
        "pybedtools": "pybedtools intersect -v",
        "basewise": "basewise Catalogue and overlaps",
    },
    "store": {"basewise": "basewise build_store"},
}


def write_blacklist(path: Path, seed: int, n: int = 700, total_bp: int = 227_000_000) -> None:
    """As many bp in as many stretches as ENCODE's blacklist of hg38 has, at random."""
    rng = np.random.default_rng(seed)
    sizes = {c: int(s) for c, s in (x.split("\t") for x in CHROMSIZES.read_text().splitlines())}
    widths = rng.pareto(0.9, n) + 0.02
    widths = np.minimum(widths / widths.sum() * total_bp, 20_000_000).astype(np.int64) + 1
    chroms = rng.choice(list(sizes), n, p=np.array(list(sizes.values())) / sum(sizes.values()))
    with path.open("w") as stream:
        for chrom, width in zip(chroms.tolist(), widths.tolist(), strict=True):
            width = min(width, sizes[chrom] // 4)
            start = int(rng.integers(0, sizes[chrom] - width))
            stream.write(f"{chrom}\t{start}\t{start + width}\n")


def read_blacklist(path: Path) -> dict[str, np.ndarray]:
    from basewise.intervals import merge, read_bed

    return {chrom: merge(rows) for chrom, rows in read_bed(path).items()}


def keep_rows(chroms: np.ndarray, names: list[str], start, end, blacklist: dict) -> np.ndarray:
    """Which rows are not on the blacklist; chroms are codes of names."""
    from basewise.peaks.filters import overlaps

    kept = np.ones(len(start), dtype=bool)
    for code, name in enumerate(names):
        if name in blacklist:
            own = np.flatnonzero(chroms == code)
            kept[own] = ~overlaps(start[own], end[own], blacklist[name])
    return kept


def read_batches(path: Path, blacklist: dict):
    """(Catalogue, rows that are not on the blacklist) of each batch."""
    from basewise.peaks import Catalogue

    catalogue = Catalogue(path)
    for rows in catalogue.batches():
        start, end = rows["start"], rows["end"]
        yield catalogue, rows[keep_rows(rows["chrom"], catalogue.chroms, start, end, blacklist)]


def count_basewise(path: Path, blacklist: dict) -> dict:
    counts = bp = np.zeros(0)
    for catalogue, rows in read_batches(path, blacklist):
        room = (0, len(catalogue.scopes) - len(counts))
        widths = rows["end"] - rows["start"]
        counts = np.pad(counts, room) + np.bincount(rows["name"], minlength=len(catalogue.scopes))
        bp = np.pad(bp, room) + np.bincount(rows["name"], widths, len(catalogue.scopes))
    groups = {}
    for (scope,), count, width in zip(catalogue.scopes, counts, bp, strict=True):
        old = groups.get((scope.target, scope.biotype), (0, 0))
        groups[scope.target, scope.biotype] = (old[0] + int(count), old[1] + int(width))
    return {key: value for key, value in groups.items() if value[0]}


def count_pandas(path: Path, blacklist: dict) -> dict:
    import pandas as pd

    names = ["chrom", "start", "end", "name"]
    frame = pd.read_csv(path, sep="\t", header=None, usecols=range(4), names=names)
    parts = frame["name"].str.split(".", n=2, expand=True)
    frame["target"], frame["biotype"] = parts[1], parts[2]
    codes, chroms = pd.factorize(frame["chrom"])
    start, end = frame["start"].to_numpy(), frame["end"].to_numpy()
    frame["width"] = end - start
    frame = frame[keep_rows(codes, list(chroms), start, end, blacklist)]
    table = frame.groupby(["target", "biotype"])["width"].agg(["size", "sum"])
    return {key: (int(n), int(bp)) for key, n, bp in table.itertuples(name=None)}


def count_polars(path: Path, blacklist: dict, *, names_first: bool = False) -> dict:
    import polars as pl

    frame = pl.read_csv(path, separator="\t", has_header=False, columns=[0, 1, 2, 3])
    frame.columns = ["chrom", "start", "end", "name"]
    chroms = frame["chrom"].unique(maintain_order=True).to_list()
    codes = frame["chrom"].cast(pl.Enum(chroms)).to_physical().to_numpy()
    start, end = frame["start"].to_numpy(), frame["end"].to_numpy()
    kept = keep_rows(codes, chroms, start, end, blacklist)
    frame = frame.filter(pl.Series(kept)).with_columns(width=pl.col("end") - pl.col("start"))
    split = pl.col("name").str.splitn(".", 3).struct
    parts = {"target": split.field("field_1"), "biotype": split.field("field_2")}
    sums = {"n": pl.len(), "bp": pl.col("width").sum()}
    if names_first:
        table = frame.group_by("name").agg(**sums).with_columns(**parts)
        sums = {"n": pl.col("n").sum(), "bp": pl.col("bp").sum()}
    else:
        table = frame.with_columns(**parts)
    table = table.group_by("target", "biotype").agg(**sums)
    return {(target, biotype): (n, bp) for target, biotype, n, bp in table.iter_rows()}


def run(task: str, tool: str, source: Path, folder: Path) -> dict:
    """One task of one tool: what it found, to be compared with the others."""
    blacklist_path = folder / "blacklist.bed"
    if task == "store":
        from basewise.intervals import read_chromsizes
        from basewise.peaks import build_store

        sizes = read_chromsizes(CHROMSIZES)
        blacklist = read_blacklist(blacklist_path)
        funnel = build_store(str(source), folder / "store", chromsizes=sizes, blacklist=blacklist)
        files = [path for path in (folder / "store").rglob("*") if path.is_file()]
        return {"rows": funnel.n_rows, "disk_mb": sum(p.stat().st_size for p in files) / 1e6}
    if task == "filter" and tool == "pybedtools":
        from pybedtools import BedTool

        BedTool(os.fspath(source)).intersect(os.fspath(blacklist_path), v=True).moveto(
            os.fspath(folder / f"{source.stem}.pybedtools")
        )
        return {}
    blacklist = read_blacklist(blacklist_path)
    if task == "filter":
        parts = list(read_batches(source, blacklist))
        rows = np.concatenate([part for _, part in parts])
        return {"rows": rows, "catalogue": parts[0][0]}
    counters = {
        "basewise": count_basewise,
        "pandas": count_pandas,
        "polars": count_polars,
        "polars-names": lambda *given: count_polars(*given, names_first=True),
    }
    return counters[tool](source, blacklist)


def work(task: str, tool: str, source: Path, folder: Path) -> None:
    """One measured run, in this process; prints its numbers as JSON."""
    run(task, tool, folder / "small.bed.gz", folder)
    wall, cpu = time.perf_counter(), time.process_time()
    found = run(task, tool, source, folder)
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu + sum(os.times()[2:4])
    record = {"wall": wall, "cpu": cpu, "rss_mb": peak_mb()}
    if task == "count":
        record["digest"] = sorted([*key, *value] for key, value in found.items())
    elif task == "filter" and tool == "basewise":
        record["kept"] = len(found["rows"])
        check_filtered(found, folder / f"{source.stem}.pybedtools")
    record |= {key: found[key] for key in ("disk_mb",) if key in found}
    print(json.dumps(record))


def check_filtered(found: dict, path: Path) -> None:
    """The rows kept are those that bedtools kept, in the same order."""
    import pandas as pd

    table = pd.read_csv(path, sep="\t", header=None, usecols=range(7))
    rows, catalogue = found["rows"], found["catalogue"]
    for name, column in {"start": 1, "end": 2, "summit": 6}.items():
        np.testing.assert_array_equal(rows[name], table[column])
    np.testing.assert_allclose(rows["score"], table[4], rtol=1e-6)
    texts = {"chrom": catalogue.chroms, "name": [s[0].name for s in catalogue.scopes]}
    for name, column in {"chrom": 0, "name": 3}.items():
        assert (np.array(texts[name], dtype=object)[rows[name]] == table[column].to_numpy()).all()


def measure(rows: int, rounds: int, store_rows: int, seed: int) -> list[dict]:
    """Medians over the rounds, a row per task and tool."""
    from remap_like import write_catalogue

    runs: dict[tuple, list[dict]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_blacklist(folder / "blacklist.bed", seed)
        write_catalogue(folder / "small.bed.gz", 10_000, seed)
        write_catalogue(folder / "peaks.bed.gz", rows, seed)
        tasks = [(t, tool, rows, folder / "peaks.bed.gz") for t, x in TOOLS.items() for tool in x]
        for _ in range(rounds):
            for task in tasks:
                runs.setdefault(task[:3], []).append(start(*task[:2], task[3], folder))
        if store_rows:
            write_catalogue(folder / "large.bed.gz", store_rows, seed)
            once = start("store", "basewise", folder / "large.bed.gz", folder)
            runs["store", "basewise", store_rows] = [once]
    digests = [run.pop("digest") for taken in runs.values() for run in taken if "digest" in run]
    assert all(digest == digests[0] for digest in digests), "the tools count differently"
    table = []
    for (task, tool, n_rows), taken in runs.items():
        median = {key: statistics.median(run[key] for run in taken) for key in taken[0]}
        table.append({"task": task, "tool": tool, "rows": n_rows, "rounds": len(taken), **median})
    for row in table:
        row["mrow_s"] = row["rows"] / row["wall"] / 1e6
        row["mrow_cpu_s"] = row["rows"] / row["cpu"] / 1e6
        base = next(other for other in table if other["task"] == row["task"])
        row["times_wall"] = row["mrow_s"] / base["mrow_s"]
        row["times_cpu"] = row["mrow_cpu_s"] / base["mrow_cpu_s"]
    return table


def start(task: str, tool: str, source: Path, folder: Path) -> dict:
    arguments = ["--work", task, tool, os.fspath(source), os.fspath(folder)]
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def as_markdown(table: list[dict], machine: dict) -> str:
    """The table, and the machine in one line."""
    lines = [
        "# Reading, filtering and storing peaks",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        "| rows | task | tool | Mrow/s | times the first of the task | Mrow/CPU-s "
        "| times the first, CPU | wall, s | peak memory, MB | store, MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        cells = [f"{row['rows'] / 1e6:g} M", row["task"], TOOLS[row["task"]][row["tool"]]]
        ratios = (
            ("mrow_s", ".2f"),
            ("times_wall", ".1f"),
            ("mrow_cpu_s", ".2f"),
            ("times_cpu", ".1f"),
        )
        cells += [format(row[key], style) for key, style in ratios]
        cells += [f"{row['wall']:.1f}", f"{row['rss_mb']:.0f}", f"{row.get('disk_mb', 0):.0f}"]
        lines.append(f"| {' | '.join(cells[:-1])} | {cells[-1] if 'disk_mb' in row else ''} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store-rows", type=int, default=30_000_000, help="0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        task, tool, source, folder = options.work
        return work(task, tool, Path(source), Path(folder))
    machine = describe_machine(PACKAGES)
    table = measure(options.rows, options.rounds, options.store_rows, options.seed)
    text = as_markdown(table, machine)
    print(text)
    if options.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench_peaks.md").write_text(text, encoding="utf-8")
        record = json.dumps({"machine": machine, "rows": table}, indent=1)
        (RESULTS / "bench_peaks.json").write_text(record + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
