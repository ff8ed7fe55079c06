"""Real peaks through the workflow: 171,607 ChIP-exo peaks of 252 yeast factors.

    python benchmarks/peaks_yeast.py [--write]

Needs the yeast genome, peaks, genes and proteins that benchmarks/yeast_peaks/config names. Runs the
chapter peaks of the workflow from nothing, then checks what it made with bedtools and by motifs
that are known (Rossi et al. 2021, 10.1038/s41586-021-03314-8), and tabulates it.
"""

import argparse
import re
import shutil
import subprocess
import time
from pathlib import Path

import pandas as pd
from machine import describe_machine
from pybedtools import BedTool

from basewise.genome import Genome
from basewise.peaks import PeakStore

FOLDER = Path(__file__).parent
YEAST = FOLDER / "yeast_peaks"
ASSEMBLY = "R64-1-1"
RESULTS = YEAST / "results" / ASSEMBLY / "peaks"
FIGURES = FOLDER.parent / "docs" / "figures"
BIN = FOLDER.parent / ".venv" / "bin"
PACKAGES = ("numpy", "pandas", "pyarrow", "numba", "snakemake", "basewise")
MOTIFS = {"REB1": "TTACCCG", "CBF1": "CACGTG"}
SHOWN = 10


def run_workflow() -> float:
    """Run the workflow from nothing; return its wall time in seconds."""
    for made in ("results", "resources", "logs", "benchmarks"):
        shutil.rmtree(YEAST / made, ignore_errors=True)
    began = time.monotonic()
    command = [BIN / "snakemake", "--cores", "2", "--directory", YEAST]
    command += ["--resources", "mem_mb=20000"]
    subprocess.run(command, check=True, cwd=FOLDER.parent)
    return time.monotonic() - began


def read_rules() -> pd.DataFrame:
    """Wall time, peak memory and CPU time of each job of the chapter."""
    rows = []
    for path in sorted((YEAST / "benchmarks").rglob("*.tsv")):
        row = pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        job = path.relative_to(YEAST / "benchmarks").with_suffix("")
        name = " ".join(part for part in job.parts if part != ASSEMBLY)
        rows.append({"job": name, "wall_s": row["s"], "cpu_s": row["cpu_time"],
                     "peak_mb": row["max_rss"]})  # fmt: skip
    return pd.DataFrame(rows)


def as_bed(table: pd.DataFrame) -> BedTool:
    """A table with chrom, start and end as a BedTool, names joined in the fourth column."""
    columns = [name for name in ("experiment", "target", "biotype") if name in table]
    named = table[["chrom", "start", "end"]].astype(str)
    named["name"] = table[columns].astype(str).agg(".".join, axis=1)
    return BedTool.from_dataframe(named)


def count_violations() -> pd.DataFrame:
    """Negatives of each kind, and how many touch what they must avoid, by bedtools."""
    source = pd.read_csv(YEAST / "config" / "assemblies.tsv", sep="\t").iloc[0]
    catalogue = BedTool(str(YEAST / source["peaks"]))
    peaks = as_bed(PeakStore(RESULTS / "store").read())
    blacklist = BedTool(str(YEAST / source["blacklist"]))
    rows = []
    for path in sorted((RESULTS / "negatives").glob("*.parquet")):
        table = pd.read_parquet(path)
        bed = as_bed(table)
        if path.stem in ("random", "matched"):
            hits = bed.intersect(catalogue, u=True).count()
        else:  # columns 4 and 8 are the scopes of the negative and of the peak
            pairs = bed.intersect(peaks, wa=True, wb=True)
            hits = sum(pair[3] == pair[7] for pair in pairs)
        rows.append(
            {
                "kind": path.stem,
                "n": len(table),
                "touch peaks they must avoid": hits,
                "touch the blacklist": bed.intersect(blacklist, u=True).count(),
            }
        )
    return pd.DataFrame(rows)


def count_motifs() -> pd.DataFrame:
    """The share of windows that hold their target's motif, on either strand, by kind."""
    genome = Genome(YEAST / "resources" / ASSEMBLY / "genome.fa")
    windows = pd.concat(
        pd.read_parquet(path, columns=["chrom", "start", "end", "kind", "target"])
        for path in sorted((RESULTS / "windows").glob("*.parquet"))
    ).astype({"chrom": str, "kind": str, "target": str})
    rows = []
    for target, motif in MOTIFS.items():
        other = motif[::-1].translate(str.maketrans("ACGT", "TGCA"))
        pattern = re.compile(f"{motif}|{other}".encode())
        own = windows[windows["target"] == target]
        has = [
            bool(pattern.search(genome.read(w.chrom, w.start, w.end).tobytes()))
            for w in own.itertuples()
        ]
        shares = own.assign(share=has).groupby("kind")["share"].mean()
        rows.append({"target": target, "motif": motif} | shares.to_dict())
    return pd.DataFrame(rows)


def as_table(frame: pd.DataFrame, digits: str = ".3f") -> str:
    return frame.to_markdown(index=False, floatfmt=digits, intfmt=",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the tables and the figure")
    options = parser.parse_args()
    machine = describe_machine(PACKAGES)
    wall_s = run_workflow()
    funnel = pd.read_csv(RESULTS / "funnel.tsv", sep="\t")
    summary = pd.read_csv(RESULTS / "summary.tsv", sep="\t")
    windows = pd.read_csv(RESULTS / "windows.tsv", sep="\t")
    by_split = windows.pivot_table(index="split", columns="kind", values="n", fill_value=0)
    gc = pd.read_csv(RESULTS / "distributions.tsv", sep="\t").query("quantity == 'gc'")
    gc = gc.assign(total=gc["n"] * (gc["low"] + gc["high"]) / 2).groupby("kind", sort=False)
    means = (gc["total"].sum() / gc["n"].sum()).rename("mean GC").reset_index()
    text = "\n".join(
        [
            "# Peaks of S. cerevisiae R64-1-1: 252 factors through the workflow",
            "",
            ", ".join(f"{key} {value}" for key, value in machine.items()),
            "",
            "Command: `python benchmarks/peaks_yeast.py --write`; configuration: "
            "benchmarks/yeast_peaks/. The figure is docs/figures/peaks_yeast.png, all targets are "
            "in peaks_yeast_summary.tsv.",
            "",
            f"From nothing in {wall_s:.0f} s of wall time, 2 cores.",
            "",
            "What each step of filtering left out:",
            "",
            as_table(funnel),
            "",
            f"Targets with most peaks, of {len(summary)}:",
            "",
            as_table(summary.nlargest(SHOWN, "n_peaks")),
            "",
            "Windows of 256 bp by split:",
            "",
            as_table(by_split.astype(int).reset_index()),
            "",
            "Negatives, checked with bedtools: random and matched ones against all peaks of the "
            "file, also those that filters dropped; scoped and hard ones against those of their "
            "scope that filters left:",
            "",
            as_table(count_violations()),
            "",
            "Share of G and C (bins of 2 %):",
            "",
            as_table(means),
            "",
            "Share of windows that hold the motif of their target:",
            "",
            as_table(count_motifs()),
            "",
            "Jobs (wall and CPU time include the start of Python and its imports):",
            "",
            as_table(read_rules(), ".1f"),
            "",
        ]
    )
    print(text)
    if options.write:
        results = FOLDER / "results"
        (results / "peaks_yeast.md").write_text(text)
        for name in ("funnel", "summary"):
            shutil.copyfile(RESULTS / f"{name}.tsv", results / f"peaks_yeast_{name}.tsv")
        FIGURES.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RESULTS / "peaks.png", FIGURES / "peaks_yeast.png")


if __name__ == "__main__":
    main()
