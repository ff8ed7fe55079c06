"""A real genome through the workflow: S. cerevisiae R64-1-1 with a SegmentNT trained here.

    python benchmarks/bench_yeast.py [--write]

Needs the yeast genome and annotation that benchmarks/yeast/config names. Trains on chroms I-XIII
(unless benchmarks/yeast/trained/ holds the model already), annotates all 17 chroms with the
workflow, and tabulates the evaluation on XV and XVI, throughput, memory, time and file sizes.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path

import pandas as pd
import yaml
from machine import describe_machine

from basewise.genome import get_genome

FOLDER = Path(__file__).parent
YEAST = FOLDER / "yeast"
BIN = FOLDER.parent / ".venv" / "bin"
FIRST, MODEL, ASSEMBLY = "first", "segment_nt_yeast", "R64-1-1"
RESULTS = YEAST / "results" / ASSEMBLY / MODEL
PACKAGES = ("jax", "dm-haiku", "optax", "numpy", "snakemake", "basewise")
SHOWN = ["element", "n_positive", "n_scored", "mcc", "auprc", "auroc", "f1", "segment_recall"]


def snakemake(*targets: str) -> float:
    """Run the workflow on the yeast directory; return its wall time in seconds."""
    began = time.monotonic()
    command = [
        BIN / "snakemake",
        "--cores",
        "2",
        "--directory",
        YEAST,
        "--resources",
        "mem_mb=20000",
    ]
    subprocess.run([*command, *targets], check=True, cwd=FOLDER.parent)
    return time.monotonic() - began


def train() -> None:
    """Train the model, unless it is there."""
    if (YEAST / "trained" / MODEL / "params.safetensors").exists():
        return
    source = pd.read_csv(YEAST / "config" / "assemblies.tsv", sep="\t").fasta[0]
    trained = YEAST / "trained"
    get_genome(str(YEAST / source), trained / "genome.fa", trained / "genome.json")
    for config, out in (("train", FIRST), ("train_further", MODEL)):
        arguments = ["--config", f"config/{config}.yaml", "--out", f"trained/{out}"]
        command = [BIN.resolve() / "basewise", "train", "segmentation", *arguments]
        subprocess.run(command, check=True, cwd=YEAST)


def read_training(stage: str) -> dict:
    """How one stage of the training went, and what ended it."""
    lines = (YEAST / "trained" / stage / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    config = {FIRST: "train", MODEL: "train_further"}[stage]
    planned = yaml.safe_load((YEAST / "config" / f"{config}.yaml").read_text())["training"]["steps"]
    best, last = max(rows, key=lambda row: row["mean_mcc"]), rows[-1]
    return {
        "stage": config,
        "minutes": last["minutes"],
        "ended by": "its steps" if last["step"] == planned else "its time limit",
        "steps": last["step"],
        "Mb seen": last["bp_seen"] / 1e6,
        "bp/s": last["bp_per_s"],
        "best step": best["step"],
        "mean MCC": best["mean_mcc"],
        "gene MCC": best["mcc"]["protein_coding_gene"],
    }


def read_rule_benchmarks() -> pd.DataFrame:
    """Wall time (sum, s), peak memory (max, MB) and CPU time (sum, s) of each rule."""
    rows = []
    for path in sorted((YEAST / "benchmarks").rglob("*.tsv")):
        row = pd.read_csv(path, sep="\t", na_values="-").iloc[0]
        rule = path.relative_to(YEAST / "benchmarks").parts[0]
        rows.append({"rule": rule, "jobs": 1, "wall_s": row["s"], "peak_mb": row["max_rss"],
                     "cpu_s": row["cpu_time"]})  # fmt: skip
    folds = {"jobs": "sum", "wall_s": "sum", "peak_mb": "max", "cpu_s": "sum"}
    return pd.DataFrame(rows).groupby("rule", as_index=False).agg(folds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    options = parser.parse_args()
    machine = describe_machine(PACKAGES)
    train()
    wall_s = snakemake("--forceall")
    provenance = json.loads((RESULTS / "provenance.json").read_text())
    stages = [read_training(stage) for stage in (FIRST, MODEL)]
    metrics = pd.read_csv(RESULTS / "evaluation" / "metrics.tsv", sep="\t")
    rules = read_rule_benchmarks()
    files = pd.DataFrame(
        [
            {"file": str(path.relative_to(RESULTS)), "mb": path.stat().st_size / 1e6}
            for path in sorted(RESULTS.rglob("*"))
            if path.suffix in (".bw", ".gz", ".shard")
        ]
    )
    inference = provenance["inference"]
    lines = [
        "# S. cerevisiae R64-1-1, 12.16 Mb, annotated by the workflow",
        "",
        ", ".join(f"{key} {value}" for key, value in machine.items()),
        "",
        "Command: `python benchmarks/bench_yeast.py --write`; configuration: benchmarks/yeast/.",
        "",
        "Training on chroms I-XIII, best by mean MCC on XIV:",
        "",
        pd.DataFrame(stages).to_markdown(index=False, floatfmt=".3f"),
        "",
        f"Annotation of the whole genome: {wall_s:.0f} s wall for the workflow; inference "
        f"{inference['bp_per_s']:,} bp/s (strands: {inference['strands']}, "
        f"{inference['precision']}) "
        f"over {inference['bp']:,} bp, peak memory of a shard "
        f"{rules.loc[rules.rule == 'predict_shard', 'peak_mb'].max():,.0f} MB.",
        "",
        "Held-out chroms XV and XVI, threshold 0.5:",
        "",
        metrics[SHOWN].to_markdown(index=False, floatfmt=".3f"),
        "",
        rules.to_markdown(index=False, floatfmt=".1f"),
        "",
        files.to_markdown(index=False, floatfmt=".2f"),
        "",
    ]
    table = "\n".join(lines)
    print(table)
    if options.write:
        (FOLDER / "results" / "bench_yeast.md").write_text(table)
        metrics.to_csv(FOLDER / "results" / "bench_yeast.tsv", sep="\t", index=False)


if __name__ == "__main__":
    main()
