"""One run of the toy workflow on a cluster: made, started, looked at, compared."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager, suppress
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


def name_shard(job: dict[str, str]) -> str:
    """The shard that a job of predict_shard makes."""
    return job["Comment"].rpartition("_")[2]


@contextmanager
def small_disk(folder: Path, size: str = "16m") -> Iterator[Callable[[], Path]]:
    """Put a folder on a small disk of its own; yield what fills it with a file to delete."""
    kept = folder.with_name(f"{folder.name}-kept")
    folder.mkdir(exist_ok=True)
    folder.rename(kept)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)

    def fill() -> Path:
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while stream.write(b"\0" * 4096):
                pass
        return filler

    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def slow_squeue(cluster: Cluster, folder: Path, seconds: float) -> Iterator[Path]:
    """Let whoever is started meanwhile wait for so long whenever it asks for states of jobs.

    Yields:
        The program that takes so long.
    """
    path = cluster.env["PATH"]
    slow = folder / "slow/squeue"
    slow.parent.mkdir()
    real = shutil.which("squeue", path=path)
    wait = f"case $* in *states=all*) sleep {seconds};; esac"
    slow.write_text(f'#!/bin/sh\n{wait}\nexec {real} "$@"\n')
    slow.chmod(0o755)
    cluster.env["PATH"] = f"{slow.parent}:{path}"
    try:
        yield slow
    finally:
        cluster.env["PATH"] = path


class Trial:
    """A working directory and the `snakemake` at work in it.

    Attributes:
        targets: What to make; everything when empty.
        options: Given to every `snakemake`.
        said: Where `snakemake` writes; a second one in the same directory needs another file.
        devices: What Slurm allocated to the jobs seen at work, by their ids; it forgets it later.
    """

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        targets: Sequence[str] = (),
        options: Sequence[str] = (),
        *,
        said: str = "snakemake.log",
    ):
        self.cluster, self.directory = cluster, directory
        self.targets, self.options = list(targets), list(options)
        self.said = said
        self.process: subprocess.Popen | None = None
        self.devices: dict[str, str] = {}
        self._earlier: frozenset[str] = frozenset()

    def start(self, *options: str) -> subprocess.Popen:
        """Start `snakemake --profile slurm`."""
        self._earlier = frozenset(self.submitted())
        arguments = [*self.targets, "--jobs", "4", *self.options, *options]
        self.process = self.cluster.snakemake(self.directory, *arguments, log=self.said)
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
        path = self.directory / self.said
        return path.read_text() if path.is_file() else ""

    @property
    def shards(self) -> list[Path]:
        return sorted((self.directory / MODEL).glob("shards/*.shard"))

    @property
    def logs(self) -> Path:
        """Where the jobs that predict shards write theirs."""
        return self.directory / "logs/predict_shard/toy/segment_nt_toy"

    def wait_for_shard(self, among: Container[str] | None = None) -> tuple[str, str]:
        """Wait until a job of this start predicts a shard; return its id and the shard's name.

        Args:
            among: Names of shards; None for any.
        """

        def find():
            assert self.process.poll() is None, self.log[-3000:]
            for number in self.submitted():
                if number in self._earlier or not (self.cluster.begun / number).is_file():
                    continue
                job = self.cluster.job(number)
                if job.get("JobState") == "RUNNING":
                    self.devices[number] = job.get("GRES", "")
                    if among is None or name_shard(job) in among:
                        return number, name_shard(job)
            return None

        return wait_until(find, 240, "no shard is predicted")

    def signal_shard(self, number: str, what: signal.Signals) -> None:
        """Send a signal to the process that predicts in a job."""
        pids = self.cluster.processes(job=number, text="predict_shard.py")
        assert pids, f"nothing predicts in job {number}"
        for pid in pids:
            with suppress(ProcessLookupError):  # a shell that ended with what it started
                os.kill(pid, what)

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
