"""Every shipped configuration plans, without network and without running anything."""

import json
import re
from pathlib import Path

import pytest

from basewise.cli import main

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.parent.name for path in (ROOT / ".test").glob("config-*/config.yaml"))


def planned_jobs(text: str) -> dict[str, int]:
    """Job counts of a dry run's table."""
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def estimated_jobs(directory: Path, capsys) -> dict[str, int]:
    """Job counts as basewise estimate tells them."""
    assert main(["estimate", "--directory", str(directory), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["jobs"]


def test_the_default_config_annotates_hg38(run_snakemake, tmp_path, capsys):
    (tmp_path / "config").symlink_to(ROOT / "config")
    done = run_snakemake(tmp_path, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = planned_jobs(done.stdout)
    assert jobs["predict_shard"] == 12  # of 15 minutes on an A100: what basewise estimate says
    assert jobs["merge_track"] == 14
    assert jobs["get_blacklist"] == 1
    assert "evaluate_segmentation" not in jobs
    assert estimated_jobs(tmp_path, capsys) == {
        rule: n for rule, n in jobs.items() if rule not in ("total", "all")
    }
    assert not (tmp_path / "resources").exists()
    assert not (tmp_path / "results").exists()


def test_the_toy_config_is_evaluated(run_snakemake, make_directory, capsys):
    directory = make_directory()
    done = run_snakemake(directory, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = planned_jobs(done.stdout)
    assert jobs["predict_shard"] == 4
    assert jobs["evaluate_segmentation"] == 1
    assert estimated_jobs(directory, capsys) == {
        rule: n for rule, n in jobs.items() if rule not in ("total", "all")
    }


def test_prefetch_gets_what_comes_from_elsewhere_and_computes_nothing(run_snakemake, tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    done = run_snakemake(tmp_path, "prefetch", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = planned_jobs(done.stdout)
    wanted = {"prefetch", "get_genome", "index_genome", "get_blacklist", "get_checkpoint"}
    assert jobs.keys() - {"total"} == wanted | {"lock_checkpoints"}


def test_prefetch_of_an_evaluated_assembly_gets_its_annotation(run_snakemake, make_directory):
    done = run_snakemake(make_directory(), "prefetch", "--dry-run", "--quiet", "rules")
    jobs = planned_jobs(done.stdout)
    assert jobs["get_annotation"] == 1
    assert "lock_checkpoints" not in jobs  # a local checkpoint is its owner's to change


def test_there_are_cases():
    assert len(CASES) >= 4


@pytest.mark.parametrize("case", CASES)
def test_each_case_plans_as_the_readme_says(run_snakemake, toy_checkpoint, case):
    configfile = f".test/{case}/config.yaml"
    done = run_snakemake(
        ROOT / ".test",
        "--configfile",
        configfile,
        "--dry-run",
        "--quiet",
        "rules",
        "--nolock",
        "--forceall",
    )
    assert done.returncode == 0, done.stdout
    jobs = planned_jobs(done.stdout)
    if case == "config-peaks":  # no model at all
        assert jobs["generate_negatives"] == 4
        assert not jobs.keys() & {"predict_shard", "get_checkpoint", "get_annotation"}
        return
    if case == "config-embed":
        assert jobs["embed"] == 1
        assert not jobs.keys() & {"predict_shard", "plan_tiles"}
        return
    if case == "config-binding":
        assert jobs["bind_targets"] == jobs["evaluate_tracks"] == 1
        assert jobs["predict_shard"] == 2
        assert jobs["call_peaks"] == jobs["merge_track"] == 6
        assert not jobs.keys() & {"train_binding", "call_elements"}
        return
    assert jobs["predict_shard"] == 4
    assert not jobs.keys() & {"filter_peaks", "bin_signal"}
    is_plain = case == "config-plain"
    assert ("evaluate_segmentation" in jobs) != is_plain
    assert ("get_blacklist" in jobs) != is_plain
