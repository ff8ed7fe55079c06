"""Scoped and hard negatives of every scope, against bedtools one scope after the other.

    python benchmarks/bench_negatives.py --scopes [--rounds 3] [--write]

Peaks are of `remap_like.py`: 8,103 scopes of hg38, most of them small, a few very large; one
negative of 1,024 bp per peak. basewise goes from a peak store to Parquet, all scopes. bedtools gets
for some scopes, chosen at random, tables of peaks in memory that are split by target and by biotype
already; for each it writes what it needs as BED, takes with `intersect -v` what touches no peak of
the scope, and draws of that. Candidates are twice as many windows of `bedtools random` as wanted
(scoped), or the windows around peaks of the biotype and of the target (hard). Its time for all
scopes is extrapolated per scope and has a ~.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from bench_negatives import CHROMSIZES, clock, read_sizes
from machine import peak_mb
from remap_like import write_catalogue

KINDS = ("scoped", "hard")
N_PEAKS = (300_000, 3_000_000)
N_TRIED = 40
WIDTH_BP = 1_024
TIMES = ("seconds", "cpu_s")
SPAN = ["chrom", "start", "end"]


def prepare_scopes(folder: Path, n_peaks: int, seed: int) -> None:
    """A catalogue as a peak store."""
    from basewise.peaks import build_store

    write_catalogue(folder / "peaks.bed.gz", n_peaks, seed)
    build_store(str(folder / "peaks.bed.gz"), folder / "store", chromsizes=read_sizes())


def choose_scopes(folder: Path) -> tuple[pd.DataFrame, int]:
    """The scopes that bedtools is tried on, and how many there are."""
    from basewise.peaks import PeakStore

    scopes = PeakStore(folder / "store").scopes()
    return scopes.sample(N_TRIED, random_state=1), len(scopes)


def bound_by(peaks: pd.DataFrame, row) -> pd.DataFrame:
    """Where the target of a scope, in any of its modified forms, binds in its biotype."""
    targets = peaks["target"].cat.categories
    forms = targets[targets.str.partition("_").get_level_values(0) == row.target.partition("_")[0]]
    return peaks.loc[peaks["target"].isin(forms) & (peaks["biotype"] == row.biotype), SPAN]


def draw_all(folder: Path, kind: str) -> dict:
    """basewise, all scopes; checks those that bedtools is tried on."""
    from pybedtools import BedTool

    from basewise.peaks import PeakStore
    from basewise.peaks.negatives import NegativeSettings, generate_negatives

    settings = NegativeSettings(kind, WIDTH_BP, per_peak=1.0, when_short="fewer")
    output = folder / f"{kind}.parquet"
    began = clock()
    report = generate_negatives(folder / "store", output, settings=settings, seed=1)
    seconds, cpu = clock() - began
    memory = peak_mb()
    negatives = pd.read_parquet(output)
    scopes, n_scopes = choose_scopes(folder)
    peaks = PeakStore(folder / "store").read(columns=[*SPAN, "target", "biotype"])
    n_bad = n_checked = 0
    for row in scopes.itertuples():
        is_own = (negatives["experiment"] == row.experiment) & (negatives["target"] == row.target)
        drawn = negatives[is_own & (negatives["biotype"] == row.biotype)]
        n_checked += len(drawn)
        if len(drawn):
            own = BedTool.from_dataframe(bound_by(peaks, row))
            n_bad += BedTool.from_dataframe(drawn[SPAN]).intersect(own, u=True).count()
    assert n_checked > 0
    assert n_bad == 0
    short = len(report.short)
    counts = {"scopes": n_scopes, "tried": n_scopes, "drawn": report.n, "short": short}
    return {"seconds": seconds, "cpu_s": cpu, "mb": memory, **counts}


def draw_some(folder: Path, kind: str) -> dict:
    """bedtools, some scopes."""
    from pybedtools import BedTool

    from basewise.peaks import PeakStore

    scopes, n_scopes = choose_scopes(folder)
    sizes = read_sizes()
    peaks = PeakStore(folder / "store").read(columns=[*SPAN, "summit", "target", "biotype"])
    start = (peaks["summit"] - WIDTH_BP // 2).clip(lower=0)
    start = np.minimum(start, peaks["chrom"].map(sizes).astype(int) - WIDTH_BP)
    windows = peaks.assign(start=start, end=start + WIDTH_BP)
    tables = [
        (
            bound_by(peaks, row),
            windows.loc[windows["biotype"] == row.biotype, SPAN],
            windows.loc[windows["target"] == row.target, SPAN],
        )
        for row in scopes.itertuples()
    ]
    rng = np.random.default_rng(1)
    drawn = short = 0
    began = clock()
    for row, (own, of_biotype, of_target) in zip(scopes.itertuples(), tables, strict=True):
        if kind == "hard":
            candidates = pd.concat([of_biotype, of_target]).drop_duplicates()
            candidates = BedTool.from_dataframe(candidates)
        else:
            candidates = BedTool().random(l=WIDTH_BP, n=2 * row.n_peaks, g=str(CHROMSIZES), seed=1)
        free = candidates.intersect(BedTool.from_dataframe(own), v=True)
        free = pd.read_csv(free.fn, sep="\t", header=None, usecols=[0, 1, 2]) if len(free) else []
        kept = rng.choice(len(free), min(len(free), row.n_peaks), replace=False)
        drawn, short = drawn + len(kept), short + (len(kept) < row.n_peaks)
        (folder / "drawn.bed").write_text(
            free.iloc[kept].to_csv(sep="\t", header=False, index=False) if len(kept) else ""
        )
    seconds, cpu = (clock() - began) * n_scopes / N_TRIED
    counts = {"scopes": n_scopes, "tried": N_TRIED, "drawn": drawn, "short": short}
    return {"seconds": seconds, "cpu_s": cpu, "mb": None, **counts}


def work_scopes(way: str, folder: Path, kind: str) -> None:
    """One measured run, in this process; prints its numbers as JSON."""
    print(json.dumps({"basewise": draw_all, "bedtools": draw_some}[way](folder, kind)))


def measure_scopes(n_peaks: int, rounds: int, seed: int) -> list[dict]:
    """Medians over the rounds, a row per kind and way; bedtools runs once."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare_scopes(folder, n_peaks, seed)
        for kind in KINDS:
            for way, times in (("basewise", rounds), ("bedtools", 1)):
                runs = []
                for _ in range(times):
                    command = [sys.executable, __file__, way, name, kind]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    runs.append(json.loads(done.stdout))
                middle = {key: statistics.median(one[key] for one in runs) for key in TIMES}
                rows.append({"kind": kind, "n_peaks": n_peaks, "way": way, **runs[0], **middle})
            ours, theirs = rows[-2:]
            for row in (ours, theirs):
                row["times_bedtools"] = theirs["seconds"] / row["seconds"]
                row["times_bedtools_cpu"] = theirs["cpu_s"] / row["cpu_s"]
    return rows


def scopes_as_markdown(rows: list[dict], machine: dict) -> str:
    """The table, and the machine in one line."""
    lines = [
        "# Scoped and hard negatives",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        f"One window of {WIDTH_BP:,} bp per peak, for every scope; none touches a peak of its "
        "scope (bedtools agrees, on the scopes that it was tried on). Times with ~ are "
        "extrapolated per scope.",
        "",
        "| kind | peaks | way | scopes | seconds for all | CPU-s | peak memory, MB "
        "| times bedtools | times bedtools, CPU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ways = {
        "basewise": "basewise generate_negatives; peak store to Parquet",
        "bedtools": "pybedtools intersect -v and a draw, scope by scope; tables to BED",
    }
    for row in rows:
        about = "~" if row["tried"] < row["scopes"] else ""
        memory = "" if row["mb"] is None else f"{row['mb']:.0f}"
        lines.append(
            f"| {row['kind']} | {row['n_peaks']:,} | {ways[row['way']]} "
            f"| {row['tried']:,} of {row['scopes']:,} | {about}{row['seconds']:.3g} "
            f"| {about}{row['cpu_s']:.3g} | {memory} "
            f"| {row['times_bedtools']:.3g} | {row['times_bedtools_cpu']:.3g} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    work_scopes(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
