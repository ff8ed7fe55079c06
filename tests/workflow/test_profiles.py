"""Profiles parse, and the plan of a run tells where each job goes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "workflow/profiles"
PARTITION = re.compile(r"^ *Job \d+: (\w+) .*\(slurm_partition=(\w+)\)$", re.MULTILINE)
JOB = re.compile(r"^ *(?:Job \d+|rule \w+|localrule \w+):", re.MULTILINE)

pytest.importorskip("snakemake_executor_plugin_slurm")


def read_profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.v9+.yaml").read_text())


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A function: the dry run of the literal `snakemake --profile slurm` at the root of a clone."""

    def make(*arguments: str, directory: Path | None = None) -> str:
        if directory is None:
            directory = tmp_path_factory.mktemp("plan")
            (directory / "config").symlink_to(ROOT / "config")
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--dry-run"]
        done = subprocess.run(
            [*command, "--directory", str(directory), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return make


def test_the_profile_is_where_the_literal_command_looks():
    assert (ROOT / "slurm").is_symlink()
    assert (ROOT / "slurm").resolve() == PROFILES / "slurm"


def test_the_plan_of_hg38_names_a_partition_for_every_job(plan):
    text = plan()
    found = PARTITION.findall(text)
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}
    assert len(found) == len(JOB.findall(text)) - 1 == counts["total"] - 1 > 20  # `all` is no job
    at = {partition: {w for w, p in found if p == partition} for _, partition in found}
    assert at["gpu"] == {"Annotating"}
    assert at["login"] == {"Getting", "Checking"}  # the seams: a small table, and it may fail
    assert at.keys() == {"login", "cpu", "gpu"}
    assert [partition for _, partition in found].count("gpu") == counts["predict_shard"]


def test_each_kind_of_work_is_set_in_one_place(plan, make_directory):
    """A TPU by its counted GRES, downloads in a partition; and a rule of its own wins."""
    directory = make_directory({"segmentation": {"platform": "tpu"}})
    text = plan("--printshellcmds", directory=directory)
    assert ("Annotating", "tpu") in PARTITION.findall(text)
    kinds = ["download:slurm_partition=net", "tpu:slurm_partition=pod", "call_elements:qos=fast"]
    text = plan("--set-resources", *kinds, "call_elements:slurm_partition=big", directory=directory)
    found = dict(PARTITION.findall(text))
    assert found["Getting"] == "net"
    assert found["Annotating"] == "pod"
    assert found["Calling"] == "big"


PLANNED = """
import json, os
from snakemake.cli import main
from snakemake.dag import DAG

def stats(dag):
    for job in dag.jobs:
        names = ("slurm_partition", "gpu", "nodes", "gres", "runtime")
        place = [str(job.resources.get(name)) for name in names]
        after = [other.rule.name for other in dag.dependencies[job]]
        print(json.dumps({"rule": job.rule.name, "place": place, "after": after}), flush=True)
    os._exit(0)

DAG.stats = stats
main()
"""
TRUNK = {
    "embed_dim": 12,
    "num_transformer_layers": 1,
    "num_attention_heads": 2,
    "attention_dim_key": 4,
    "num_downsamples": 3,
    "dim_divisible_by": 2,
    "target_length": -1,
    "final_pointwise": True,
}
TRAINED = {
    "assemblies": "config/assemblies.tsv",
    "peaks": {
        "negatives": {"random": {"n": 10}},
        "windows": {"width_bp": 128},
        "splits": {"valid_chroms": ["chr2"], "test_chroms": ["chr3"]},
    },
    "checkpoints": {"esm": {"source": "hf://facebook/esm1b_t33_650M_UR50S"}},
    "binding": {
        "encoders": {"proteins": {"encoder": "esm"}},
        "training": {
            "trunk": {"family": "enformer", "architecture": {"trunk": TRUNK}},
            "fit": {"steps": 2},
            "folds": 2,
        },
    },
}
TABLE = "assembly\tfasta\tpeaks\tproteins\ntoy\tdata/toy.fa.gz\tdata/toy_remap.bed.gz\tp.fa\n"


def read_plan(directory: Path, *options: str) -> tuple[dict[str, set], dict[str, set]]:
    """By rule: (partition, gpu, nodes, gres, runtime) of its jobs, and the rules these wait for."""
    command = [sys.executable, "-c", PLANNED, "--dry-run", "--directory", str(directory), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    places, after = {}, {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            job = json.loads(line)
            places.setdefault(job["rule"], set()).add(tuple(job["place"]))
            after.setdefault(job["rule"], set()).update(job["after"])
    assert places, done.stdout + done.stderr
    return places, after


@pytest.fixture
def list_jobs(make_directory):
    """A function (platform, devices per job, minutes per shard) -> what is planned on a cluster."""

    def read(platform: str, devices: int, minutes: int, *options: str):
        place = {"platform": platform, "devices_per_job": devices}
        changes = {"segmentation": place}
        changes["tiling"] = {"shards": None, "target_minutes_per_shard": minutes}
        changes["binding"] = {key: dict(value) for key, value in TRAINED["binding"].items()}
        changes["binding"]["training"] |= place
        changes["binding"]["encoders"]["platform"] = platform
        directory = make_directory(TRAINED | changes, TABLE)
        (directory / "p.fa").write_text(">TOYA P\nMKK\n")
        return read_plan(directory, "--profile", "slurm", *options)

    return read


def test_a_job_on_a_cluster_gets_the_cards_it_asks_for_where_cards_are(list_jobs):
    """The limit of one card is that of a machine where jobs run side by side."""
    places, after = list_jobs("gpu", 2, 600)
    # the time is twice what it should take
    assert places["predict_shard"] == {("gpu", "2", "1", "None", "1200")}
    for rule in ("train_binding", "train_fold"):
        assert places[rule] == {("gpu", "2", "1", "None", "1440")}, rule
    for rule in ("evaluate_binding", "encode_proteins"):
        assert places[rule] == {("gpu", "1", "1", "None", "480")}, rule
    assert places["encode_contexts"] == {("cpu", "0", "None", "None", "60")}  # n-grams need no card
    for rule in places:
        for partition, cards, *_ in places[rule]:
            assert partition == "gpu" or cards in ("0", "None"), rule
    # what may fail waits for all that the config asks for, of this model and of others
    wanted = {"merge_track", "call_elements", "write_provenance", "make_windows"}
    assert wanted | {"evaluate_binding"} < after["check_seams"]


def test_a_partition_for_a_rule_alone_lets_it_have_its_cards_too(list_jobs):
    places, _ = list_jobs("gpu", 2, 600, "--set-resources", "predict_shard:slurm_partition=gpu")
    assert places["predict_shard"] == {("gpu", "2", "None", "None", "1200")}


def test_where_no_files_are_shared_seams_wait_for_their_table_alone(make_directory):
    """All else would be fetched to where snakemake runs, to be waited for."""
    _, after = read_plan(make_directory(), "--shared-fs-usage", "none")
    assert after["check_seams"] == {"summarise_seams"}


def test_whatever_runs_a_model_on_tpus_gets_them(list_jobs):
    places, _ = list_jobs("tpu", 4, 15)
    for rule in ("predict_shard", "evaluate_binding", "encode_proteins"):
        assert places[rule] == {("tpu", "0", "1", "tpu:4", "480")}, rule
    for rule in ("train_binding", "train_fold"):
        assert places[rule] == {("tpu", "0", "1", "tpu:4", "1440")}, rule
    assert places["encode_contexts"] == {("cpu", "0", "None", "None", "60")}


def test_without_a_profile_no_partition_is_spoken_of(run_snakemake, make_directory):
    done = run_snakemake(make_directory(), "--dry-run")
    assert done.returncode == 0, done.stdout
    assert "slurm_partition" not in done.stdout


def test_the_executor_is_named_by_no_profile_that_is_always_used():
    assert not {"executor", "retries", "jobs", "set-resources"} & read_profile("default").keys()
    assert read_profile("slurm")["executor"] == "slurm"


def test_retries_are_in_profiles_and_in_no_rule():
    for profile in ("slurm", "kubernetes", "googlebatch"):
        assert read_profile(profile)["retries"] >= 1
    for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").rglob("*.smk")]:
        assert not re.search(r"^ +retries:", path.read_text(), re.MULTILINE), path.name


def test_no_rule_that_is_meant_to_fail_takes_others_with_it():
    """A group that fails loses the outputs of all its members: here the tables that tell why."""
    for name in ("slurm", "kubernetes", "googlebatch"):
        assert not {"check_seams", "summarise_seams"} & read_profile(name).get("groups", {}).keys()


def test_what_cannot_work_without_a_shared_file_system_is_refused(run_snakemake):
    options = ("--nolock", "--dry-run", "--shared-fs-usage", "none")
    case = ".test/config-peaks/config.yaml"
    done = run_snakemake(ROOT / ".test", "--configfile", case, *options)
    assert done.returncode != 0
    assert "results/toy_peaks/signal/bins/ holds files that jobs make beside" in done.stdout


def test_states_are_asked_of_squeue_and_lost_jobs_are_left_to_snakemake():
    profile = read_profile("slurm")
    assert profile["slurm-status-command"] == "squeue"
    assert profile["slurm-no-requeue"] is True
    assert profile["rerun-incomplete"] is True
    assert not [key for key in profile if "array" in key]


def test_every_profile_sets_the_same_kinds():
    for profile in ("slurm", "kubernetes", "googlebatch"):
        kinds = read_profile(profile)["set-resources"].keys()
        assert "gpu" in kinds
        assert kinds <= {"download", "cpu", "gpu", "tpu"}
        assert ("tpu" in kinds) == (profile == "slurm")  # the other two know no TPU


@pytest.mark.parametrize("name", ["slurm", "kubernetes", "googlebatch"])
def test_a_profile_speaks_only_of_options_that_there_are(name):
    module = pytest.importorskip(
        f"snakemake_executor_plugin_{name}", reason=f"no {name} executor: see docs/cluster.md"
    )
    from snakemake.cli import get_argument_parser

    known = {
        option.removeprefix("--")
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }
    assert module.common_settings.non_local_exec
    assert read_profile(name).keys() <= known
