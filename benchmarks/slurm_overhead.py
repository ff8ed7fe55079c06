"""What Slurm and Snakemake add to the work: tiny shards one by one and grouped; a plan of 5,000.

    python benchmarks/slurm_overhead.py [--shards N] [--group K] [--planned N] [--write]

The shards need root, slurm-wlm and munge; the plan (--shards 0) needs nothing.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/slurm"))

import pandas as pd
import yaml
from cluster import ROOT, run_cluster, why_not
from machine import describe_in_words
from trial import MODEL, Trial, make_directory, run_here

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm")
PLANNED = [f"{MODEL}/regions.bed", "resources/checkpoints/segment_nt_toy/config.json"]
# Ends once the jobs are counted, which is when the plan is made; the rest of a dry run is printing.
PLAN = """
import cProfile, json, os, pstats, sys, time
from snakemake.cli import main
from snakemake.dag import DAG

profile = cProfile.Profile() if sys.argv.pop(1) == "profile" else None
began, began_cpu = time.monotonic(), time.process_time()

def stop(dag):
    facts = {"jobs": len(list(dag.jobs)), "seconds": time.monotonic() - began}
    facts["cpu"] = time.process_time() - began_cpu
    if profile:
        profile.disable()
        rows = pstats.Stats(profile).stats.items()
        facts["functions"] = sorted(
            ((row[2], row[3], row[0], place[2], "/".join(place[0].split("/")[-2:]))
            for place, row in rows), reverse=True)[:12]
    print("FACTS" + json.dumps(facts), flush=True)
    os._exit(0)

DAG.stats = stop
if profile:
    profile.enable()
main()
"""


def plan(directory: Path, *, profile: bool) -> dict:
    """Make the plan of a run; return its jobs, seconds, CPU seconds and slowest functions."""
    kind = "profile" if profile else "plain"
    command = [sys.executable, "-c", PLAN, kind, "--profile", "slurm", "--dry-run"]
    command += ["--snakefile", str(ROOT / "workflow/Snakefile"), "--directory", str(directory)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert "FACTS" in done.stdout, done.stdout
    return json.loads(done.stdout.rpartition("FACTS")[2])


def measure_plan(folder: Path, n_shards: int) -> str:
    """Lines about the plan of hg38 with so many shards."""
    shutil.copytree(ROOT / "config", folder / "config")
    path = folder / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    config["tiling"]["shards"] = n_shards
    path.write_text(yaml.safe_dump(config))
    plain, profiled = plan(folder, profile=False), plan(folder, profile=True)
    lines = [
        f"{plain['jobs']:,} jobs are planned in {plain['cpu']:.1f} s of processor time, "
        f"{plain['seconds']:.1f} s on the clock (this machine was shared); from the start of "
        "Snakemake until its table of jobs. What takes longest, by the profiler's count, which "
        f"slows the whole {profiled['cpu'] / plain['cpu']:.1f}-fold:",
        "",
        "| function | calls | seconds in itself | with all it calls |",
        "|---|---:|---:|---:|",
    ]
    for own, total, calls, name, place in profiled["functions"]:
        lines.append(f"| `{name}` of {place} | {calls:,} | {own:.1f} | {total:.1f} |")
    return "\n".join(lines)


def measure_shards(folder: Path, n_shards: int, group: int) -> str:
    """Lines about so many tiny shards, one job each and several per job."""
    planned = make_directory(folder / "planned", ["exon"], tiling={"shards": n_shards})
    done = run_here(planned, *PLANNED)
    assert done.returncode == 0, done.stdout
    targets = [f"{MODEL}/shards/{n}-of-{n_shards}.shard" for n in range(1, n_shards + 1)]
    grouped = ["--groups", "predict_shard=tiny", "--group-components", f"tiny={group}"]
    lines = [
        "| jobs | Slurm jobs | wall s | computing s, all shards | wall s per shard |",
        "|---|---:|---:|---:|---:|",
    ]
    with run_cluster() as cluster:
        for name, options in {"one shard each": [], f"groups of {group}": grouped}.items():
            directory = shutil.copytree(planned, folder / name.replace(" ", "_"))
            trial = Trial(cluster, directory, targets, options)
            began = time.monotonic()
            assert trial.run(seconds=7200) == 0, trial.log[-3000:]
            wall = time.monotonic() - began
            tables = directory.glob("benchmarks/predict_shard/**/*.tsv")
            computing = sum(pd.read_csv(path, sep="\t")["s"].sum() for path in tables)
            lines.append(
                f"| {name} | {len(trial.submitted())} | {wall:.0f} | {computing:.0f} | "
                f"{wall / n_shards:.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=200, help="tiny shards (%(default)s)")
    parser.add_argument("--group", type=int, default=8, help="of them per job (%(default)s)")
    parser.add_argument("--planned", type=int, default=5000, help="shards to plan (%(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the tables")
    arguments = parser.parse_args()
    if arguments.shards and why_not():
        sys.exit(why_not())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is stopped
    with tempfile.TemporaryDirectory() as folder:
        text = [measure_plan(Path(folder) / "plan", arguments.planned)]
        if arguments.shards:
            text.append(measure_shards(Path(folder), arguments.shards, arguments.group))
    for part in text:
        print(part, end="\n\n")
    if arguments.write:
        shards = text[1] if arguments.shards else "Not measured."
        page = TEXT.format(
            arguments=f"--shards {arguments.shards} --group {arguments.group}",
            machine=describe_in_words(PACKAGES),
            plan=text[0],
            shards=shards,
        )
        (FOLDER / "results/slurm_overhead.md").write_text(page)


TEXT = """# What Slurm and Snakemake add

`python benchmarks/slurm_overhead.py {arguments} --write` on {machine}.

## Tiny shards

The toy genome, shards of a few seconds, at most four jobs at a time on a Slurm of our own that
shares the processors with everything else. Each job starts Python three times: Snakemake in the
job, Snakemake in its step, the script; a group starts the first two once, but then computes all
its shards side by side, which helps only where there are processors for them.

{shards}

## A plan

The default configuration, hg38, cut into many shards.

{plan}
"""


if __name__ == "__main__":
    main()
