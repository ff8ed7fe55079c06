"""What Slurm and Snakemake add to the work: tiny shards one by one and grouped; a plan of 5,000.

    python benchmarks/slurm_overhead.py [--shards N] [--group K] [--minutes M] [--planned N]

The shards (none with --shards 0) need root, slurm-wlm and munge; the plan needs nothing.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/slurm"))

import pandas as pd
import yaml
from cluster import ROOT, run_cluster, why_not
from machine import describe_in_words
from trial import MODEL, Trial, make_directory, run_here

from basewise.tracks.shard_format import read_footer

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm")
PLANNED = [f"{MODEL}/regions.bed", "resources/checkpoints/segment_nt_toy/config.json"]
# Where the time of a plan goes: functions of Snakemake, of which none calls another, but those that
# are told apart (file, function, functions within it whose time is not its own).
STAGES = {
    "reading the Snakefile and checking the configuration": ("workflow.py", "include", ()),
    "asking which rule makes each input of each job": ("dag.py", "file2jobs", ("new_job",)),
    "making the jobs: names, inputs, params": ("dag.py", "new_job", ()),
    "deciding which of them must run": ("dag.py", "update_needrun", ()),
    "hashing each job's environment and script": ("dag.py", "update_conda_envs", ()),
    "putting jobs into groups": ("dag.py", "update_groups", ()),
    "looking for outputs to wait for": ("dag.py", "process", ()),
}
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
        facts["functions"] = [(place[0], place[2], row[1], row[3]) for place, row in rows
            if "snakemake" in place[0]]
    print("FACTS" + json.dumps(facts), flush=True)
    os._exit(0)

DAG.stats = stop
if profile:
    profile.enable()
main()
"""


def plan(directory: Path, *, profile: bool) -> dict:
    """Make the plan of a run; return its jobs, seconds, CPU seconds and, profiled, functions."""
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
    spent, calls = {}, {}
    for file, name, n_calls, seconds in profiled["functions"]:
        key = Path(file).name, name
        spent[key], calls[key] = max(seconds, spent.get(key, 0)), n_calls
    lines = [
        f"{plain['jobs']:,} jobs are planned in {plain['cpu']:.1f} s of processor time, "
        f"{plain['seconds']:.1f} s on the clock (this machine was shared); from the start of "
        "Snakemake until its table of jobs. Where that goes, by a profiler that slows the whole "
        f"{profiled['cpu'] / plain['cpu']:.1f}-fold:",
        "",
        "| | of Snakemake | calls | share of the time |",
        "|---|---|---:|---:|",
    ]
    rows = []
    for what, (file, name, within) in STAGES.items():
        seconds = spent[file, name] - sum(spent[file, other] for other in within)
        rows.append((seconds / profiled["seconds"], what, f"`{name}`", calls[file, name]))
    for share, what, name, n_calls in sorted(rows, reverse=True):
        lines.append(f"| {what} | {name} | {n_calls:,} | {share:.0%} |")
    lines.append(f"| all else | | | {1 - sum(row[0] for row in rows):.0%} |")
    return "\n".join(lines)


def measure_shards(folder: Path, n_shards: int, group: int, minutes: float) -> Iterator[str]:
    """Lines about so many tiny shards, several per job and one job each; one row at a time.

    What takes longer than these minutes is interrupted, and its row tells how many were done.
    """
    planned = make_directory(folder / "planned", ["exon"], tiling={"shards": n_shards})
    done = run_here(planned, *PLANNED)
    assert done.returncode == 0, done.stdout
    targets = [f"{MODEL}/shards/{n}-of-{n_shards}.shard" for n in range(1, n_shards + 1)]
    # as many shards at a time, in as many jobs or in one
    grouped = ["--groups", "predict_shard=tiny", "--group-components", f"tiny={group}"]
    cases = {f"groups of {group}": ["--jobs", "1", *grouped]}
    cases["one shard each"] = ["--jobs", f"{group}"]
    yield (
        "| jobs | shards done | Slurm jobs | wall s | scripts, CPU s | in the model, s | "
        "wall s per shard |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|"
    with run_cluster() as cluster:
        for name, options in cases.items():
            directory = shutil.copytree(planned, folder / name.replace(" ", "_"))
            trial = Trial(cluster, directory, targets, options)
            began = time.monotonic()
            code = run_for(trial, 60 * minutes)
            assert code in (None, 0), trial.log[-3000:]
            wall, done = time.monotonic() - began, trial.shards
            tables = directory.glob("benchmarks/predict_shard/**/*.tsv")
            scripts = sum(pd.read_csv(path, sep="\t")["cpu_time"].sum() for path in tables)
            model = sum(read_footer(path)["run"]["seconds"] for path in done)
            yield (
                f"| {name} | {len(done)} | {len(trial.submitted())} | {wall:.0f} | {scripts:.0f} | "
                f"{model:.0f} | {wall / len(done):.1f} |"
            )


def run_for(trial: Trial, seconds: float) -> int | None:
    """Run to the end, or interrupt after so many seconds and return None."""
    process = trial.start()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(120)
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=200, help="tiny shards (%(default)s)")
    parser.add_argument("--group", type=int, default=8, help="of them per job (%(default)s)")
    parser.add_argument("--planned", type=int, default=5000, help="shards to plan (%(default)s)")
    parser.add_argument("--minutes", type=float, default=120, help="at most, each (%(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the tables")
    arguments = parser.parse_args()
    if arguments.shards and why_not():
        sys.exit(why_not())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is stopped
    text = {"plan": "Not measured.", "shards": "Not measured."}
    text["machine"] = describe_in_words(PACKAGES)  # its load before all this
    with tempfile.TemporaryDirectory() as folder:
        if arguments.planned:
            text["plan"] = measure_plan(Path(folder) / "plan", arguments.planned)
            keep(text, arguments)
        rows = []
        if arguments.shards:
            facts = arguments.shards, arguments.group, arguments.minutes
            for row in measure_shards(Path(folder), *facts):
                rows.append(row)
                text["shards"] = "\n".join(rows)
                keep(text, arguments)


def keep(text: dict[str, str], arguments: argparse.Namespace) -> None:
    """Print the page as far as it is known, and write it where asked to."""
    page = TEXT.format(
        arguments=f"--shards {arguments.shards} --group {arguments.group}",
        group=arguments.group,
        **text,
    )
    print(page, flush=True)
    if arguments.write:
        (FOLDER / "results/slurm_overhead.md").write_text(page)


TEXT = """# What Slurm and Snakemake add

`python benchmarks/slurm_overhead.py {arguments} --write` on {machine}.

## Tiny shards

The toy genome cut into shards of a few tiles, {group} at a time, on a Slurm of our own that shares
two processors with all that it runs. Each job starts Python three times: Snakemake in the job,
Snakemake in its step, the script. A group starts the first two once, then its scripts side by side.
*Scripts*: processor time of the scripts, nearly all of it for loading JAX and the compiled program.
*In the model*: the loop over tiles.

{shards}

## A plan

The default configuration, hg38, cut into many shards. What dominates is the number of pairs of a
job and one of its inputs: each shard is one of every merge, one per track, and of
`write_provenance`.

{plan}
"""


if __name__ == "__main__":
    main()
