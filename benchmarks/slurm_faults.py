"""What clusters do to jobs, done to the toy genome on a Slurm of our own: what it loses and costs.

    python benchmarks/slurm_faults.py [--write] [FAULT ...]

Each fault strikes a run that predicts two shards and merges two tracks; it passes when the merged
files are, to the last byte, those of a run that nothing disturbed. Needs root, slurm-wlm and munge.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/slurm"))

from cluster import Cluster, run_cluster, wait_until, why_not
from machine import describe_in_words
from trial import (
    MODEL,
    Trial,
    hash_merged,
    make_directory,
    run_here,
    set_resources,
    slow_squeue,
    small_disk,
)

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm")
RESULTS = FOLDER / "results"
TRACKS = ("exon", "intron")
TARGETS = [f"{MODEL}/tracks/{track}.bw" for track in TRACKS]
PLANNED = [f"{MODEL}/regions.bed", "resources/checkpoints/segment_nt_toy/config.json"]
TRY = "[{}][min(attempt, 3) - 1]"
FAULTS: dict[str, Callable] = {}


@dataclass
class Outcome:
    """What a fault did.

    Attributes:
        by_hand: What a person had to do.
        bytes_lost: Of finished files that had to be made again.
        again: Jobs sent beyond those of an undisturbed run.
        seconds: From the fault to the merged files.
    """

    by_hand: str = "nothing"
    bytes_lost: int = 0
    again: int = 0
    seconds: float = 0.0


def fault(what: str):
    """Register a function of a trial that disturbs it, and returns when that ended well."""

    def register(function):
        FAULTS[what] = function
        return function

    return register


class Struck:
    """Measures from the fault on."""

    def __init__(self, trial: Trial):
        self.trial, self.began = trial, time.monotonic()

    def outcome(self, **facts) -> Outcome:
        seconds = time.monotonic() - self.began
        missing = [target for target in TARGETS if not (self.trial.directory / target).is_file()]
        assert not missing, f"{missing}\n{self.trial.log[-4000:]}"
        again = len(self.trial.submitted()) - 3  # two shards, one job that merges both tracks
        return Outcome(seconds=seconds, again=again, **facts)


def finish(trial: Trial, **facts) -> Outcome:
    """Let the same `snakemake` go on to a good end."""
    struck = Struck(trial)
    assert trial.finish() == 0, trial.log[-4000:]
    return struck.outcome(**facts)


@fault("none")
def none(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    return finish(trial)


@fault("scancel of a running shard")
def cancel(trial: Trial) -> Outcome:
    trial.start()
    number, _ = trial.wait_for_shard()
    trial.cluster.call("scancel", number)
    return finish(trial)


@fault("kill -9 of a job's process")
def kill(trial: Trial) -> Outcome:
    trial.start()
    number, _ = trial.wait_for_shard()
    trial.signal_shard(number, signal.SIGKILL)
    return finish(trial)


@fault("slurmd stopped and started")
def restart_slurmd(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    trial.cluster.stop_node("cpu1")
    time.sleep(2)
    trial.cluster.start_node("cpu1")
    return finish(trial)


@fault("node lost with its jobs, back after a minute")
def lose_node(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    trial.cluster.stop_node("cpu1", with_jobs=True)
    struck = Struck(trial)
    wait_until(lambda: "NODE_FAIL" in trial.log, 180, "NODE_FAIL")
    trial.cluster.start_node("cpu1")
    assert trial.finish() == 0, trial.log[-4000:]
    return struck.outcome()


@fault("job over its walltime")
def over_time(trial: Trial) -> Outcome:
    """A stopped process never ends; the limit is Slurm's shortest, a minute."""
    trial.options = set_resources(f"predict_shard:runtime={TRY.format('1, 20, 20')}")
    trial.start()
    number, _ = trial.wait_for_shard()
    trial.signal_shard(number, signal.SIGSTOP)
    outcome = finish(trial)
    assert trial.cluster.job(number)["JobState"] == "TIMEOUT"
    return outcome


@fault("job over its memory")
def over_memory(trial: Trial) -> Outcome:
    trial.options = set_resources(f"predict_shard:mem_mb={TRY.format('350, 8000, 8000')}")
    trial.start()
    wait_until(lambda: trial.cluster.jobs("predict_shard"), 120, "a shard's job")
    return finish(trial)


@fault("Snakemake killed (SIGKILL), its jobs go on")
def kill_snakemake(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    trial.process.kill()
    trial.process.wait()
    struck = Struck(trial)
    left = trial.cluster.jobs("predict_shard")
    assert trial.run() != 0
    assert "was killed" in trial.log
    assert trial.run("--unlock") == 0
    assert trial.run() == 0, trial.log[-4000:]
    states = [trial.cluster.job(number)["JobState"] for number in left]
    assert set(states) <= {"CANCELLED", "COMPLETED"}, states
    return struck.outcome(by_hand="`snakemake --unlock`, same command")


@fault("Snakemake interrupted (SIGINT)")
def interrupt(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    trial.process.send_signal(signal.SIGINT)
    struck = Struck(trial)
    assert trial.finish() != 0
    assert not trial.cluster.call("squeue", "-h", "-tPD,R"), "jobs go on"
    assert trial.run() == 0, trial.log[-4000:]
    return struck.outcome(by_hand="same command")


@fault("Snakemake interrupted while it asks for states")
def interrupt_query(trial: Trial) -> Outcome:
    """The executor then knows of no job to cancel: what `onerror` is for."""
    with slow_squeue(trial.cluster, trial.directory, 4) as slow:
        trial.start()
    trial.wait_for_shard()
    wait_until(lambda: trial.cluster.processes(text=f"{slow} --format"), 30, "a slow query")
    trial.process.send_signal(signal.SIGINT)
    struck = Struck(trial)
    assert trial.finish() != 0
    wait_until(lambda: not trial.cluster.call("squeue", "-h", "-tPD,R"), 20, "jobs go on")
    assert trial.run() == 0, trial.log[-4000:]
    return struck.outcome(by_hand="same command")


@fault("disk full while shards are written")
def full_disk(trial: Trial) -> Outcome:
    """Results lie on a disk of their own, which is full until a job has failed."""
    with small_disk(trial.directory / "results") as fill:
        trial.start()
        trial.wait_for_shard()
        filler = fill()
        struck = Struck(trial)
        full = "No space left on device"
        wait_until(lambda: any(full in p.read_text() for p in trial.logs.glob("*.log")), 180, full)
        filler.unlink()
        assert trial.finish() == 0, trial.log[-4000:]
        outcome = struck.outcome(by_hand="made room")
        trial.merged = hash_merged(trial.directory)
        return outcome


def damage_shard(trial: Trial, change: Callable[[bytes], bytes]) -> Outcome:
    """Change a finished shard; the merge must refuse it, and the next run make it anew."""
    targets, trial.targets = trial.targets, [f"{MODEL}/shards/{n}-of-2.shard" for n in (1, 2)]
    assert trial.run() == 0, trial.log[-4000:]
    trial.targets, shard = targets, trial.shards[0]
    size = shard.stat().st_size
    shard.write_bytes(change(shard.read_bytes()))
    struck = Struck(trial)
    assert trial.run() != 0
    assert not shard.exists()
    assert shard.with_name(f"{shard.name}.corrupt").is_file()
    assert trial.run() == 0, trial.log[-4000:]
    return struck.outcome(by_hand="same command", bytes_lost=size)


@fault("shard cut short after it was written")
def cut(trial: Trial) -> Outcome:
    return damage_shard(trial, lambda data: data[: len(data) * 2 // 3])


@fault("one bit of a shard flipped after it was written")
def flip(trial: Trial) -> Outcome:
    return damage_shard(trial, lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:])


@fault("a second Snakemake in the same directory")
def second(trial: Trial) -> Outcome:
    trial.start()
    trial.wait_for_shard()
    other = Trial(trial.cluster, trial.directory, TARGETS, said="second.log")
    assert other.run(seconds=120) != 0
    assert "Another run is at work" in other.log
    assert not other.submitted()
    return finish(trial)


def run_fault(cluster: Cluster, planned: Path, what: str, expected: dict) -> Outcome:
    """Strike a copy of a planned directory; its merged files must be those expected."""
    directory = planned.with_name(f"run{len(list(planned.parent.iterdir()))}")
    shutil.copytree(planned, directory)
    trial = Trial(cluster, directory, TARGETS)
    trial.merged = None
    try:
        outcome = FAULTS[what](trial)
    finally:
        if trial.process is not None and trial.process.poll() is None:
            trial.process.kill()
        cluster.call("scancel", "--user=root")
    found = trial.merged or hash_merged(directory)
    assert {name: found.get(name) for name in TARGETS} == expected, f"{what}: other bytes"
    return outcome


def write_results(outcomes: dict[str, Outcome]) -> None:
    """Keep outcomes, beside those of faults that were not done this time."""
    kept = RESULTS / "slurm_faults.json"
    rows = json.loads(kept.read_text()) if kept.is_file() else {}
    rows |= {what: asdict(outcome) for what, outcome in outcomes.items()}
    rows = {what: rows[what] for what in FAULTS if what in rows}
    kept.write_text(json.dumps(rows, indent=1) + "\n")
    table = format_table({what: Outcome(**row) for what, row in rows.items()})
    page = TEXT.format(table=table, machine=describe_in_words(PACKAGES))
    (RESULTS / "slurm_faults.md").write_text(page)


def format_table(outcomes: dict[str, Outcome]) -> str:
    rows = [
        f"| {what} | yes | {each.bytes_lost:,} | {each.again} | {each.seconds:.0f} | "
        f"{each.by_hand} |"
        for what, each in outcomes.items()
    ]
    head = "| fault | same merged bytes | bytes lost | jobs run again | seconds | done by hand |"
    return "\n".join([head, "|---|---|---:|---:|---:|---|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fault", nargs="*", help="parts of their names; all without any")
    parser.add_argument("--write", action="store_true", help="keep the table")
    arguments = parser.parse_args()
    if why_not():
        sys.exit(why_not())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is stopped
    wanted = arguments.fault or [""]
    chosen = [what for what in FAULTS if any(part in what for part in wanted)]
    outcomes, failed = {}, []
    with tempfile.TemporaryDirectory() as folder, run_cluster() as cluster:
        planned = make_directory(Path(folder) / "planned", TRACKS, tiling={"shards": 2})
        done = run_here(planned, *PLANNED)
        assert done.returncode == 0, done.stdout
        undisturbed = shutil.copytree(planned, Path(folder) / "undisturbed")
        done = run_here(undisturbed, *TARGETS)
        assert done.returncode == 0, done.stdout
        expected = {name: hash_merged(undisturbed)[name] for name in TARGETS}
        for what in chosen:
            try:
                outcomes[what] = run_fault(cluster, planned, what, expected)
            except AssertionError as error:
                failed.append(what)
                print(f"{what}: FAILED: {error}", flush=True)
                continue
            print(f"{what}: {outcomes[what]}", flush=True)
            if arguments.write:
                write_results(outcomes)
    print(format_table(outcomes))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


TEXT = """# What clusters do to jobs

`python benchmarks/slurm_faults.py --write` on {machine}.

Each fault strikes a run of the toy genome through `snakemake --profile slurm`, on a Slurm of our
own, while it predicts two shards; then two tracks are merged. *Same merged bytes*: the tracks'
SHA-256 equal those of a run without a cluster and without a fault. *Bytes lost*: of finished files
that had to be made again. *Jobs run again*: sent beyond the three of an undisturbed run. *Seconds*:
from the fault to the merged tracks, most of them for Python, which starts three times per job.

{table}
"""


if __name__ == "__main__":
    main()
