"""The toy genome on a real Slurm whose jobs have no network, while a shard is cancelled."""

import shutil
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from trial import MODEL, Trial, hash_merged, make_directory, run_here, set_resources

pytestmark = pytest.mark.slow

TRACKS = ("exon", "intron")
TARGETS = [f"{MODEL}/tracks/{track}.bw" for track in TRACKS] + [f"{MODEL}/elements.bed.gz"]
TPU = "tpu:v5e:4(IDX:0-3)"
# The toy's model runs on the CPU; so that devices are allocated all the same, one shard asks for a
# GPU and the other for a TPU.
DEVICES = [
    'predict_shard:slurm_partition={"1": "gpu", "2": "tpu"}[wildcards.scatteritem[0]]',
    'predict_shard:gpu=1 if wildcards.scatteritem[0] == "1" else None',
    'predict_shard:gres="tpu:4" if wildcards.scatteritem[0] == "2" else None',
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
def trial(offline_cluster, server, tmp_path_factory):
    """A finished run: fetched on the login node, then predicted and merged off the network."""
    directory = make_directory(
        tmp_path_factory.mktemp("slurm") / "run", TRACKS, tiling={"shards": 2}
    )
    table = directory / "config/assemblies.tsv"
    table.write_text(table.read_text().replace("data/", f"{server}/"))
    fetched = run_here(directory, "prefetch")
    assert fetched.returncode == 0, fetched.stdout
    trial = Trial(offline_cluster, directory, options=set_resources(*DEVICES))
    trial.start()
    number, item = trial.wait_for_shard()
    offline_cluster.call("scancel", number)
    assert trial.finish() == 0, trial.log[-5000:]
    trial.cancelled = number, item
    return trial


@pytest.fixture(scope="module")
def undisturbed(trial, tmp_path_factory):
    """The merged files of the same run without a cluster."""
    directory = tmp_path_factory.mktemp("here") / "run"
    shutil.copytree(trial.directory, directory)
    shutil.rmtree(directory / "results")
    shutil.rmtree(directory / ".snakemake")
    done = run_here(directory, *TARGETS)
    assert done.returncode == 0, done.stdout
    return hash_merged(directory)


def test_jobs_ran_where_the_profile_says(trial, capfd):
    with capfd.disabled():
        print("", *trial.evidence(), sep="\n")
    jobs = [trial.cluster.job(number) for number in trial.submitted()]
    states = {job["JobId"]: job["JobState"] for job in jobs}
    number, _ = trial.cancelled
    assert states.pop(number) == "CANCELLED"
    assert set(states.values()) == {"COMPLETED"}
    for job in jobs:
        is_shard = "predict_shard" in job["Comment"]
        assert (job["Partition"] in ("gpu", "tpu")) == is_shard, job
        if job["Partition"] == "gpu":
            assert job["TresPerJob"] == "gres:gpu:1", job
        if job["Partition"] == "tpu":
            assert job["TresPerNode"] == "gres:tpu:4", job
    devices = {trial.cluster.job(number)["Partition"]: d for number, d in trial.devices.items()}
    assert devices
    assert devices.items() <= {"gpu": "gpu:h100:1(IDX:0)", "tpu": TPU}.items()
    assert not [job for job in jobs if "rule_get_" in job["Comment"]]  # on the login node


def test_what_was_cancelled_alone_ran_again(trial):
    assert trial.count("predict_shard") == 3
    assert trial.count("merges") == 1  # two tracks in one job
    assert trial.cluster.call("squeue", "-h") == ""


def test_the_merged_files_are_those_of_an_undisturbed_run(trial, undisturbed):
    assert undisturbed.keys() >= set(TARGETS)
    assert undisturbed.items() <= hash_merged(trial.directory).items()


def test_jobs_had_no_network(trial, server):
    """The server that `prefetch` read from cannot be reached from where the jobs ran."""
    host, port = server.removeprefix("http://").split(":")
    socket.create_connection((host, int(port))).close()
    code = f"import socket; socket.create_connection(({host!r}, {port}), 5)"
    answer = subprocess.run(
        [*trial.cluster.prefix, "srun", "-pcpu", sys.executable, "-c", code],
        env=trial.cluster.env,
        capture_output=True,
        text=True,
    )
    assert answer.returncode != 0
    assert "refused" in answer.stderr or "unreachable" in answer.stderr


def test_job_arrays_are_refused(trial):
    """Before anything is sent."""
    before = trial.submitted()
    (trial.directory / "results/toy/segment_nt_toy/provenance.json").unlink()
    assert trial.run("--slurm-array-jobs", "all", seconds=120) != 0
    assert "Slurm job arrays are not used" in trial.log
    assert trial.submitted() == before
