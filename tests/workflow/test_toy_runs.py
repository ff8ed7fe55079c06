"""Chr3 of the toy genome, by the real command line: same bytes however work was cut or broken."""

import contextlib
import gzip
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / ".test/config/assemblies.tsv").read_text()
SMALL = TABLE.replace("fasta\t", "fasta\tinclude\t").replace(".fa.gz\t", ".fa.gz\tchr3,contig_*\t")
TRACKS = ["exon", "intron", "splice_acceptor", "promoter_Tissue_invariant"]
MERGED = ("*.bed*", "*.gff3.gz*", "seams.tsv", "seams/*", "tracks/*", "evaluation/*.tsv")

OUTER = """
configfile: "config/outer.yaml"


module basewise:
    snakefile:
        "{snakefile}"
    config:
        config["annotation"]


use rule * from basewise as basewise_*


rule count_results:
    default_target: True
    input:
        rules.basewise_all.input,
    output:
        "count.txt",
    shell:
        "ls {{input}} | wc -l > {{output}}"
"""


def merged_bytes(directory: Path) -> dict[str, bytes]:
    """Every merged file of a run, by its path under the results."""
    results = directory / "results/toy/segment_nt_toy"
    paths = {path for pattern in MERGED for path in results.glob(pattern)}
    return {str(path.relative_to(results)): path.read_bytes() for path in sorted(paths)}


def assert_same_files(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def wait_for(condition: Callable, timeout_s: float = 120):
    """The first truthy value of a condition."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"nothing after {timeout_s} s")


@pytest.fixture(scope="module")
def make_small(make_directory) -> Callable[[int], Path]:
    """A maker of working directories for chr3 and the contigs, with a number of shards."""
    tracks = {"checkpoints": {"segment_nt_toy": {"tracks": TRACKS}}}
    return lambda shards: make_directory({"tiling": {"shards": shards}, **tracks}, SMALL)


@pytest.fixture(scope="module")
def undisturbed(run_snakemake, make_small) -> Path:
    """The directory of one undisturbed run with three shards."""
    directory = make_small(3)
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    return directory


@pytest.fixture(scope="module")
def expected(undisturbed) -> dict[str, bytes]:
    """The merged files of the undisturbed run."""
    files = merged_bytes(undisturbed)
    assert len(files) > 20
    return files


@pytest.fixture
def finished(undisturbed, tmp_path) -> Path:
    """A copy of the undisturbed run, in which nothing is left to do."""
    return shutil.copytree(undisturbed, tmp_path / "finished")


def test_the_number_of_shards_changes_no_byte(run_snakemake, make_small, expected):
    directory = make_small(5)
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    assert len(list(directory.rglob("*.shard"))) == 5
    assert_same_files(merged_bytes(directory), expected)


def test_a_shard_job_killed_midway_leaves_nothing_and_a_rerun_ends_alike(
    run_snakemake, make_small, expected
):
    directory = make_small(3)
    shards = directory / "results/toy/segment_nt_toy/shards"
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "workflow/Snakefile"]
    command += ["--cores", "2", "--directory", directory]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as main:

        def kill_job():
            logs = list(directory.glob("logs/predict_shard/*/*/*.log"))
            jobs = []
            for child in psutil.Process(main.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
                    if any("predict_shard.py" in argument for argument in child.cmdline()):
                        jobs.append(child)
            if not (jobs and any(log.stat().st_size for log in logs)):
                return False
            with contextlib.suppress(psutil.NoSuchProcess):  # the next one, then
                if jobs[-1].status() != psutil.STATUS_ZOMBIE:
                    jobs[-1].send_signal(signal.SIGKILL)
                    return True
            return False

        wait_for(kill_job)
        text, _ = main.communicate(timeout=300)
    assert main.returncode != 0
    assert "predict_shard" in text
    left = list(shards.glob("*")) if shards.exists() else []
    assert len([path for path in left if path.suffix == ".shard"]) < 3
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    assert_same_files(merged_bytes(directory), expected)
    assert {path.suffix for path in shards.iterdir()} == {".shard"}


def test_names_of_other_files_are_translated(run_snakemake, finished, expected):
    genes = gzip.decompress((finished / "data/toy.gtf.gz").read_bytes()).decode()
    foreign = re.sub(r"^chr3\t", "NC_003.1\t", genes, flags=re.MULTILINE)
    assert foreign.count("NC_003.1") > 100
    (finished / "data/foreign.gtf").write_text(foreign)
    blacklist = (finished / "data/toy_blacklist.bed").read_text()
    for name, chrom in {"ours.bed": "chr3", "foreign.bed": "NC_003.1"}.items():
        (finished / "data" / name).write_text(f"{blacklist}{chrom}\t20000\t40000\tx\n")
    (finished / "data/names.tsv").write_text("chr3\tNC_003.1\tCM3\n")
    table = finished / "config/assemblies.tsv"
    results = []
    for annotation, bed, aliases in [
        ("toy.gtf.gz", "ours.bed", ""),
        ("foreign.gtf", "foreign.bed", "data/names.tsv"),
    ]:
        header, row = SMALL.splitlines()
        row = row.replace("toy.gtf.gz", annotation).replace("toy_blacklist.bed", bed)
        table.write_text(f"{header}\taliases\n{row}\t{aliases}\n")
        done = run_snakemake(finished)
        assert done.returncode == 0, done.stdout
        assert "rule predict_shard" not in done.stdout
        results.append(merged_bytes(finished))
    ours, foreign = results
    assert_same_files(foreign, ours)
    assert foreign["evaluation/metrics.tsv"] != expected["evaluation/metrics.tsv"]


def test_seams_above_the_tolerance_fail_the_run_and_show_themselves(
    run_snakemake, finished, expected
):
    results = finished / "results/toy/segment_nt_toy"
    for track in TRACKS:  # what a model with a halo too narrow would measure
        table = results / "seams" / f"{track}.tsv"
        lines = table.read_text().splitlines()
        columns = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=True))
        columns |= {"n_seams": "500", "excess": "0.4", "standard_error": "0.01"}
        table.write_text("\n".join([lines[0], "\t".join(columns.values())]) + "\n")
    for name in ("provenance.json", "elements.bed.gz", "elements.gff3.gz"):
        (results / name).unlink()
    done = run_snakemake(finished)
    assert done.returncode != 0
    assert (results / "provenance.json").exists()
    assert (results / "elements.gff3.gz").exists()
    last = (finished / "logs/check_seams/toy/segment_nt_toy.log").read_text().splitlines()[-1]
    assert "4 of 4 tracks jump at the seams" in last
    assert last in done.stdout
    assert "above tolerance" in (results / "seams.tsv").read_text()
    assert (results / "seams.png").exists()
    assert not (results / "seams.ok").exists()
    assert "rule merge_track" not in done.stdout
    over = "segmentation={seam_tolerance: 2.5}"
    done = run_snakemake(finished, "--config", over)
    assert done.returncode == 0, done.stdout
    assert "rule merge_track" not in done.stdout
    assert (results / "seams.ok").read_text().count("ok\n") == len(TRACKS)


def test_the_workflow_is_usable_as_a_module_and_in_one_shard(run_snakemake, make_small, expected):
    directory = make_small(1)
    inner = yaml.safe_load((directory / "config/config.yaml").read_text())
    (directory / "config/config.yaml").unlink()
    (directory / "config/outer.yaml").write_text(yaml.safe_dump({"annotation": inner}))
    outer = directory / "Snakefile"
    outer.write_text(OUTER.format(snakefile=ROOT / "workflow/Snakefile"))
    planned = run_snakemake(directory, "--dry-run", "--quiet", "rules", snakefile=outer)
    assert planned.returncode == 0, planned.stdout
    assert "basewise_predict_shard" in planned.stdout
    done = run_snakemake(directory, snakefile=outer)
    assert done.returncode == 0, done.stdout
    assert int((directory / "count.txt").read_text()) > 10
    assert_same_files(merged_bytes(directory), expected)
