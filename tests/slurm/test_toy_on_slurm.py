"""The toy genome on a real Slurm whose jobs have no network, and all that can happen to it there.

One run in stages: interrupted, killed, struck by a fault in every shard, damaged, finished.
"""

import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cluster import wait_until
from trial import (
    MODEL,
    Trial,
    hash_merged,
    make_directory,
    name_shard,
    run_here,
    set_resources,
    slow_squeue,
    small_disk,
)

from basewise.status import DONE, FAILED, read_status

pytestmark = pytest.mark.slow

TRACKS = ("exon", "intron")
TARGETS = [f"{MODEL}/tracks/{track}.bw" for track in TRACKS] + [f"{MODEL}/elements.bed.gz"]
CANCELLED, KILLED, OVER_MEMORY, OVER_TIME = SHARDS = tuple(f"{n}-of-4" for n in range(1, 5))
FILES = [f"{MODEL}/shards/{shard}.shard" for shard in SHARDS]
TPU = "tpu:v5e:4(IDX:0-3)"
FULL = "No space left on device"
# The toy's model runs on the CPU; so that devices are allocated all the same, one shard asks for a
# GPU and another for a TPU. A third has too little memory, once.
RESOURCES = [
    'predict_shard:slurm_partition={"1": "gpu", "2": "tpu"}.get(wildcards.scatteritem[0], "cpu")',
    'predict_shard:gpu=1 if wildcards.scatteritem[0] == "1" else None',
    'predict_shard:gres="tpu:4" if wildcards.scatteritem[0] == "2" else None',
    'predict_shard:mem_mb=350 if wildcards.scatteritem[0] == "3" and attempt == 1 else 8000',
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The URL of a server with the toy's genome; `prefetch` sees it, jobs do not."""
    folder = tmp_path_factory.mktemp("server")
    directory = make_directory(tmp_path_factory.mktemp("toy") / "run", TRACKS)
    shutil.copytree(directory / "data", folder, dirs_exist_ok=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def prefetched(offline_cluster, server, tmp_path_factory):
    """A run of which nothing is done but what the login node does."""
    directory = make_directory(
        tmp_path_factory.mktemp("slurm") / "run", TRACKS, tiling={"shards": len(SHARDS)}
    )
    table = directory / "config/assemblies.tsv"
    table.write_text(table.read_text().replace("data/", f"{server}/"))
    fetched = run_here(directory, "prefetch")
    assert fetched.returncode == 0, fetched.stdout
    return directory


@pytest.fixture(scope="module")
def undisturbed(prefetched, tmp_path_factory):
    """The merged files of the same run without a cluster and in one piece."""
    directory = shutil.copytree(prefetched, tmp_path_factory.mktemp("here") / "run")
    config = directory / "config/config.yaml"
    config.write_text(config.read_text().replace(f"shards: {len(SHARDS)}", "shards: 1"))
    done = run_here(directory, *TARGETS)
    assert done.returncode == 0, done.stdout
    return hash_merged(directory)


@pytest.fixture(scope="module")
def interrupted(undisturbed, prefetched, offline_cluster):
    """Interrupted while a shard is predicted, and just when Snakemake asks for states of jobs."""
    trial = Trial(offline_cluster, prefetched, FILES, set_resources(*RESOURCES))
    trial.cluster.hold_predictions()
    with slow_squeue(trial.cluster, prefetched, 3) as slow:
        trial.start()
    trial.wait_for_shard()
    wait_until(lambda: trial.cluster.processes(text=f"{slow} --format"), 30, "a slow query")
    trial.process.send_signal(signal.SIGINT)
    trial.code = trial.finish()
    trial.left = trial.cluster.call("squeue", "-h", "-tPD,R")
    return trial


@pytest.fixture(scope="module")
def killed(interrupted):
    """Killed while shards are predicted; what the next run says; and the jobs that are left."""
    trial = interrupted
    trial.start()
    trial.wait_for_shard()
    trial.process.kill()
    trial.process.wait()
    trial.left_by_killed = trial.cluster.jobs("predict_shard", "R,PD")
    said = len(trial.log)
    trial.code_after_kill = trial.run()
    trial.said_after_kill = trial.log[said:]
    assert trial.run("--unlock") == 0
    return trial


@pytest.fixture(scope="module")
def struck(killed):
    """Each shard struck by a fault of its own, a node that was away, a disk that was full."""
    trial, cluster = killed, killed.cluster
    shutil.rmtree(trial.logs)
    trial.before = len(trial.submitted())
    with small_disk(trial.directory / "results") as fill:
        trial.start()
        trial.struck = {}
        while len(trial.struck) < 3:
            number, shard = trial.wait_for_shard({CANCELLED, KILLED, OVER_TIME} - set(trial.struck))
            trial.struck[shard] = number
            if shard == CANCELLED:
                cluster.call("scancel", number)
            else:
                trial.signal_shard(number, signal.SIGKILL if shard == KILLED else signal.SIGSTOP)
        cluster.release_predictions()
        cluster.stop_node("cpu1")
        cluster.start_node("cpu1")
        trial.second = Trial(cluster, trial.directory, FILES, said="second.log")
        trial.code_of_second = trial.second.run(seconds=120)
        others = [trial.directory / path for path in FILES if OVER_TIME not in path]
        wait_until(lambda: all(path.is_file() for path in others), 300, "the other shards")
        filler = fill()
        # its time is up now, not in an hour; Slurm looks every 30 s
        cluster.call("scontrol", "update", f"JobId={trial.struck[OVER_TIME]}", "EndTime=now")
        log = trial.logs / f"{OVER_TIME}.log"
        wait_until(lambda: log.is_file() and FULL in log.read_text(), 300, FULL)
        (trial.status,) = read_status(trial.directory)
        filler.unlink()
        assert trial.finish() == 0, trial.log[-5000:]
        yield trial


@pytest.fixture(scope="module")
def damaged(struck):
    """A bit of a shard flipped, then merged."""
    trial, shard = struck, struck.shards[0]
    data = shard.read_bytes()
    shard.write_bytes(data[:900] + bytes([data[900] ^ 1]) + data[901:])
    trial.targets = TARGETS[:2]
    trial.code_of_merge = trial.run("--retries", "0")
    trial.after_damage = sorted(path.name for path in shard.parent.iterdir())
    trial.merged_of_damaged = list((trial.directory / MODEL).glob("tracks/*.bw"))
    return trial


@pytest.fixture(scope="module")
def finished(damaged):
    """All that the workflow makes."""
    trial = damaged
    trial.targets = []
    trial.before_last = len(trial.submitted())
    assert trial.run() == 0, trial.log[-5000:]
    return trial


def test_an_interrupted_run_leaves_no_job(interrupted):
    """Asked while its list of jobs is away, the executor alone would leave them all."""
    assert interrupted.code != 0
    assert interrupted.left == ""


def test_a_killed_run_is_explained(killed):
    assert killed.code_after_kill != 0
    assert "was killed" in killed.said_after_kill
    assert "snakemake --unlock, then the same command again" in killed.said_after_kill
    assert killed.left_by_killed


def test_jobs_of_a_killed_run_are_cancelled_by_the_next(struck):
    jobs = [struck.cluster.job(number) for number in struck.left_by_killed]
    assert {job["JobState"] for job in jobs if name_shard(job) != OVER_MEMORY} == {"CANCELLED"}


def test_a_second_run_in_the_directory_is_refused(struck):
    assert struck.code_of_second != 0
    assert "Another run is at work in" in struck.second.log
    assert struck.second.submitted() == []


def test_what_was_struck_alone_ran_again(struck):
    jobs = [struck.cluster.job(number) for number in struck.submitted()[struck.before :]]
    states = {shard: [j["JobState"] for j in jobs if name_shard(j) == shard] for shard in SHARDS}
    assert states[CANCELLED] == ["CANCELLED", "COMPLETED"]
    assert states[KILLED] == ["FAILED", "COMPLETED"]
    assert states[OVER_TIME] == ["TIMEOUT", "FAILED", "COMPLETED"]  # then the disk was full
    assert states[OVER_MEMORY][-1] == "COMPLETED"
    assert states[OVER_MEMORY][0] in ("FAILED", "OUT_OF_MEMORY")
    assert len(states[OVER_MEMORY]) == 2


def test_the_status_tells_what_is_done_and_what_failed(struck):
    assert {shard.item: shard.state for shard in struck.status.shards} == {
        shard: FAILED if shard == OVER_TIME else DONE for shard in SHARDS
    }
    assert FULL in struck.status.shards[-1].error


def test_a_damaged_shard_is_set_aside_and_merged_nowhere(damaged):
    assert damaged.code_of_merge != 0
    assert "1-of-4.shard is damaged: track" in damaged.log
    assert damaged.after_damage[0] == "1-of-4.shard.corrupt"
    assert damaged.after_damage[1:] == [f"{shard}.shard" for shard in SHARDS[1:]]
    assert len(damaged.merged_of_damaged) < len(TRACKS)


def test_jobs_ran_where_the_profile_says(finished, capfd):
    with capfd.disabled():
        print("", *finished.evidence(), sep="\n")
    jobs = [finished.cluster.job(number) for number in finished.submitted()]
    for job in jobs:
        shard = name_shard(job) if "predict_shard" in job["Comment"] else ""
        assert job["Partition"] == {CANCELLED: "gpu", KILLED: "tpu"}.get(shard, "cpu"), job
        if job["Partition"] == "gpu":
            assert job["TresPerJob"].replace("/", ":") == "gres:gpu:1", job
        if job["Partition"] == "tpu":
            assert job["TresPerNode"].replace("/", ":") == "gres:tpu:4", job
    devices = {
        finished.cluster.job(number)["Partition"]: d for number, d in finished.devices.items()
    }
    assert {"gpu", "tpu"} <= devices.keys()
    assert devices.items() <= {"gpu": "gpu:h100:1(IDX:0)", "tpu": TPU, "cpu": ""}.items()
    assert not [job for job in jobs if "rule_get_" in job["Comment"]]  # on the login node


def test_the_last_run_computed_the_damaged_shard_and_what_was_missing(finished):
    last = [
        finished.cluster.job(n)["Comment"] for n in finished.submitted()[finished.before_last :]
    ]
    counts = Counter(comment.split("_wildcards")[0] for comment in last)
    assert counts["rule_predict_shard"] == 1
    assert counts["rule_merges_merge_track"] == 1  # of all tracks
    assert counts["rule_summarise_seams"] == 1  # and check_seams, which may fail, is no job
    assert not [comment for comment in last if "check_seams" in comment]
    assert finished.cluster.call("squeue", "-h") == ""


def test_the_merged_files_are_those_of_an_undisturbed_run(finished, undisturbed):
    assert undisturbed.keys() >= set(TARGETS)
    assert undisturbed.items() <= hash_merged(finished.directory).items()


def test_jobs_had_no_network(finished, server):
    """The server that `prefetch` read from cannot be reached from where the jobs ran."""
    host, port = server.removeprefix("http://").split(":")
    socket.create_connection((host, int(port))).close()
    code = f"import socket; socket.create_connection(({host!r}, {port}), 5)"
    answer = subprocess.run(
        [*finished.cluster.prefix, "srun", "-pcpu", sys.executable, "-c", code],
        env=finished.cluster.env,
        capture_output=True,
        text=True,
    )
    assert answer.returncode != 0
    assert "refused" in answer.stderr or "unreachable" in answer.stderr


def test_job_arrays_are_refused(finished):
    """Before anything is sent."""
    before = finished.submitted()
    (finished.directory / MODEL / "provenance.json").unlink()
    assert finished.run("--slurm-array-jobs", "all", seconds=120) != 0
    assert "Slurm job arrays are not used" in finished.log
    assert finished.submitted() == before
