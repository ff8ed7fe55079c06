"""Yeast end to end through `snakemake --profile slurm`, on a Slurm of our own.

    python benchmarks/slurm_yeast.py [--chroms NAMES] [--write]

Needs root, slurm-wlm, munge, and what benchmarks/bench_yeast.py trained. The tracks are compared,
byte by byte, with those of the same run without a cluster.
"""

import argparse
import hashlib
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/slurm"))

import numpy as np
import pandas as pd
import yaml
from cluster import run_cluster, why_not
from machine import describe_in_words
from trial import Trial, run_here

from basewise.tracks.shard import ShardReader

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm")
YEAST = FOLDER / "yeast"
MODEL = "results/R64-1-1/segment_nt_yeast"
TRACKS, SHARDS = f"{MODEL}/tracks", f"{MODEL}/shards"


def make_directory(directory: Path, chroms: str | None = None) -> Path:
    """Make a working directory with yeast's configuration, whose paths lead to the files here.

    Args:
        chroms: Names with commas between them; all without them.
    """
    shutil.copytree(YEAST / "config", directory / "config")
    table = directory / "config/assemblies.tsv"
    rows = pd.read_csv(table, sep="\t").replace("../../..", str(FOLDER.parents[1]), regex=True)
    if chroms is not None:
        rows["include"] = rows["evaluation_chroms"] = chroms
    rows.to_csv(table, sep="\t", index=False)
    path = directory / "config/config.yaml"
    config = yaml.safe_load(path.read_text())
    config["checkpoints"]["segment_nt_yeast"]["source"] = str(YEAST / "trained/segment_nt_yeast")
    path.write_text(yaml.safe_dump(config))
    return directory


def hash_tracks(directory: Path) -> dict[str, str]:
    files = sorted((directory / TRACKS).glob("*.bw"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def count_differences(ours: Path, theirs: Path) -> str:
    """How many shards' values differ between two runs, and where the first does."""
    total, first = 0, ""
    for path in sorted((ours / SHARDS).glob("*.shard")):
        one, other = ShardReader(path), ShardReader(theirs / SHARDS / path.name)
        for block, same in zip(one.blocks, other.blocks, strict=True):
            for index, track in enumerate(one.tracks):
                differs = np.flatnonzero(one.read(block, index) != other.read(same, index))
                if len(differs) and not first:
                    first = f", first {track.name} at {block.chrom}:{block.start + differs[0]:,}"
                total += len(differs)
    return f"{total:,} values of all shards differ{first}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chroms", help="with commas between them; all without any")
    parser.add_argument("--write", action="store_true", help="keep the report")
    arguments = parser.parse_args()
    if why_not():
        sys.exit(why_not())
    if not (YEAST / "trained/segment_nt_yeast").is_dir():
        sys.exit("no trained model of yeast: python benchmarks/bench_yeast.py makes it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is stopped
    with tempfile.TemporaryDirectory() as folder, run_cluster() as cluster:
        trial = Trial(cluster, make_directory(Path(folder) / "run", arguments.chroms))
        began = time.monotonic()
        code = trial.run(seconds=7200)
        assert code == 0, trial.log[-4000:]
        seconds, jobs = time.monotonic() - began, trial.evidence()
        ours = hash_tracks(trial.directory)
        here = make_directory(Path(folder) / "here", arguments.chroms)
        done = run_here(here, *(f"{TRACKS}/{name}" for name in ours))
        assert done.returncode == 0, done.stdout
        theirs = hash_tracks(here)
        differences = count_differences(trial.directory, here)
    alike = sum(theirs.get(name) == value for name, value in ours.items())
    text = TEXT.format(
        machine=describe_in_words(PACKAGES),
        seconds=seconds,
        alike=f"{alike} of {len(ours)} tracks are",
        differences=differences,
        genome="The whole genome of yeast"
        if arguments.chroms is None
        else f"Chroms {arguments.chroms} of yeast",
        arguments="" if arguments.chroms is None else f"--chroms {arguments.chroms} ",
        jobs="\n".join(jobs),
    )
    print(text)
    if arguments.write:
        (FOLDER / "results/slurm_yeast.md").write_text(text)


TEXT = """# Yeast on Slurm

`python benchmarks/slurm_yeast.py {arguments}--write` on {machine}.

{genome} through `snakemake --profile slurm` on a Slurm of our own, which shares
the processors with everything else: {seconds:.0f} s. {alike} to the last byte those of the
same run without a cluster, on as many threads as it has cores; {differences}.

```
{jobs}
```
"""


if __name__ == "__main__":
    main()
