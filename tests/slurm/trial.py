"""One run of the toy workflow on a cluster: made, started, looked at, compared."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from cluster import ROOT, Cluster, wait_until

MODEL = "results/toy/segment_nt_toy"
SUBMITTED = re.compile(r"submitted with SLURM jobid (\d+)")
SHOWN = ("JobId", "Comment", "Partition", "NodeList", "JobState", "ExitCode")


def make_directory(directory: Path, tracks: Sequence[str], **changes: dict) -> Path:
    """Make a working directory with the toy's genome and a configuration of few tracks."""
    shutil.copytree(ROOT / ".test/data", directory / "data")
    (directory / "config").mkdir()
    config = yaml.safe_load((ROOT / ".test/config/config.yaml").read_text())
    checkpoint = config["checkpoints"]["segment_nt_toy"]
    checkpoint |= {"source": str(ROOT / "resources/toy/segment_nt_toy"), "tracks": list(tracks)}
    for chapter, values in changes.items():
        config[chapter] |= values
    (directory / "config/config.yaml").write_text(yaml.safe_dump(config))
    shutil.copy(ROOT / ".test/config/assemblies.tsv", directory / "config/assemblies.tsv")
    return directory


def run_here(directory: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the workflow on this machine, without a cluster."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
    command += ["--cores", "2", "--directory", str(directory), *arguments]
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def set_resources(*others: str) -> list[str]:
    """Options that add to what the profile sets, which the command line would take the place of."""
    profile = yaml.safe_load((ROOT / "slurm/config.v9+.yaml").read_text())
    of_kinds = [
        f"{kind}:{name}={value}"
        for kind, values in profile["set-resources"].items()
        for name, value in values.items()
    ]
    return ["--set-resources", *of_kinds, *others]


def hash_merged(directory: Path) -> dict[str, str]:
    """The SHA-256 of each merged file that tells no time or machine."""
    found = {}
    for pattern in ("tracks/*.bw", "elements.*.gz", "seams/*.tsv", "evaluation/*.tsv"):
        for path in sorted((directory / MODEL).glob(pattern)):
            found[f"{path.relative_to(directory)}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Trial:
    """A working directory and the `snakemake` at work in it.

    Attributes:
        targets: What to make; everything when empty.
        options: Given to every `snakemake`.
        devices: What Slurm allocated to the jobs seen at work, by their ids; it forgets it later.
    """

    def __init__(self, cluster: Cluster, directory: Path, targets=(), options=()):
        self.cluster, self.directory = cluster, directory
        self.targets, self.options = list(targets), list(options)
        self.process: subprocess.Popen | None = None
        self.devices: dict[str, str] = {}

    def start(self, *options: str) -> subprocess.Popen:
        """Start `snakemake --profile slurm`."""
        arguments = [*self.targets, "--jobs", "4", *self.options, *options]
        self.process = self.cluster.snakemake(self.directory, *arguments)
        return self.process

    def run(self, *options: str, seconds: float = 600) -> int:
        """Start it, and wait for its end."""
        self.start(*options)
        return self.finish(seconds)

    def finish(self, seconds: float = 600) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"not done within {seconds} s:\n{self.log[-3000:]}") from None

    @property
    def log(self) -> str:
        return (self.directory / "snakemake.log").read_text()

    @property
    def shards(self) -> list[Path]:
        return sorted((self.directory / MODEL).glob("shards/*.shard"))

    def wait_for_shard(self) -> tuple[str, str]:
        """Wait until a job predicts a shard; return the job's id and the shard's name."""
        logs = self.directory / "logs/predict_shard/toy/segment_nt_toy"

        def find():
            assert self.process.poll() is None, self.log[-3000:]
            for number in self.cluster.jobs("predict_shard"):
                job = self.cluster.job(number)
                self.devices[number] = job.get("GRES", "")
                item = job["Comment"].rpartition("_")[2]
                log = logs / f"{item}.log"
                if log.is_file() and "tiles with" in log.read_text():
                    return number, item
            return None

        return wait_until(find, 240, "no shard is predicted")

    def submitted(self) -> list[str]:
        """The ids of all jobs of this directory's runs, in order."""
        return SUBMITTED.findall(self.log)

    def evidence(self) -> list[str]:
        """One line per job: its id, rule, partition, node, device, state."""
        jobs = [self.cluster.job(number) for number in self.submitted()]
        lines = ["  ".join(f"{key}={job.get(key, '-')}" for key in SHOWN) for job in jobs]
        return [
            f"{line}  device={self.devices.get(job['JobId']) or '-'}"
            for line, job in zip(lines, jobs, strict=True)
        ]

    def count(self, rule: str) -> int:
        """How many jobs of a rule were sent."""
        jobs = [self.cluster.job(number) for number in self.submitted()]
        return sum(f"rule_{rule}" in job["Comment"] for job in jobs)
