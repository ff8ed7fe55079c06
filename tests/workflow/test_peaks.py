"""Peaks planted on the toy genome go through the workflow; what cannot work says why."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from basewise.intervals import read_bed
from basewise.peaks import PeakStore
from basewise.peaks.signal import SignalTargets, read_loci

ROOT = Path(__file__).resolve().parents[2]
CASE = yaml.safe_load((ROOT / ".test/config-peaks/config.yaml").read_text())
CASE["assemblies"] = "config/assemblies.tsv"
TABLE = (ROOT / ".test/config-peaks/assemblies.tsv").read_text()
TARGETS = {"TOYA", "TOYB", "TOYC-TOYA"}


def planned_jobs(text: str) -> dict[str, int]:
    """Job counts of a dry run's table."""
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}


def merged(base: dict, over: dict) -> dict:
    """Base with every key of over laid on it, at all depths."""
    return {
        key: merged(base.get(key) or {}, over[key])
        if isinstance(over.get(key), dict)
        else over.get(key, base.get(key))
        for key in base | over
    }


@pytest.fixture(scope="module")
def make_peaks(make_directory):
    """A maker of working directories of the case, with changes laid over its config."""
    return lambda changes=None, table=TABLE: make_directory(merged(CASE, changes or {}), table)


@pytest.fixture(scope="module")
def undisturbed(run_snakemake, make_peaks) -> Path:
    """The directory of one run."""
    directory = make_peaks()
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    return directory


@pytest.fixture
def finished(undisturbed, tmp_path) -> Path:
    """A copy of that run, in which nothing is left to do."""
    return shutil.copytree(undisturbed, tmp_path / "finished")


def change(directory: Path, changes: dict) -> None:
    """Lay changes over the config of a directory."""
    path = directory / "config/config.yaml"
    path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), changes)))


def read_windows(results: Path) -> pd.DataFrame:
    paths = sorted((results / "peaks/windows").glob("*.parquet"))
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


@pytest.mark.slow
def test_the_toy_peaks_become_windows(undisturbed):
    results = undisturbed / "results/toy_peaks"
    funnel = pd.read_csv(results / "peaks/funnel.tsv", sep="\t").set_index("step")
    assert funnel.loc["chrom_names", "removed"] == 1
    assert funnel.loc["duplicates", "removed"] == 1
    assert funnel.loc["blacklist", "removed"] > 0
    store = PeakStore(results / "peaks/store")
    assert store.n_peaks == funnel["left"].iloc[-1]
    assert set(store.scopes()["target"]) == TARGETS  # TOYB_S5ph is merged with TOYB
    assert set(store.scopes()["biotype"]) == {"liver", "K-1.2"}
    windows = read_windows(results)
    assert set(windows["split"]) == {
        *("train", "valid", "test_chrom", "test_target", "test_target_chrom")
    }
    assert (windows["end"] - windows["start"] == 200).all()
    chroms = {"train": {"chr1"}, "valid": {"chr2"}, "test_chrom": {"chr3"}}
    for split, wanted in chroms.items():
        own = windows[windows["split"] == split]
        assert set(own["chrom"]) == wanted
        assert "TOYB" not in set(own["target"])
    counts = pd.read_csv(results / "peaks/windows.tsv", sep="\t")
    unused = counts[counts["split"] == "unused"]
    assert counts["n"].sum() - unused["n"].sum() == len(windows)
    assert counts.groupby("kind")["n"].sum()[["peak", "random"]].tolist() == [store.n_peaks] * 2
    sites = pd.read_csv(ROOT / ".test/data/toy_sites.bed", sep="\t", header=None)
    planted = sites.groupby([0, 3])[1].apply(set).to_dict()
    blacklist = read_bed(undisturbed / "resources/toy_peaks/blacklist.bed")
    catalogue = store.catalogue()
    for row in windows.itertuples():
        if row.kind == "peak":
            places = set().union(*(planted[row.chrom, own] for own in row.target.split("-")))
            assert places & set(range(row.start, row.end))
            assert row.score > 0
            continue
        assert (row.label, row.score) == (0, 0)
        avoided = {"random": catalogue, "matched": catalogue}.get(row.kind)
        if avoided is None:
            avoided = store.intervals(target=row.target, biotype=row.biotype)
        for intervals in (avoided, blacklist):
            spans = intervals.get(row.chrom, [])
            assert not any(start < row.end and row.start < end for start, end in spans), row


@pytest.mark.slow
def test_the_toy_signals_become_targets(undisturbed):
    table = undisturbed / "results/toy_peaks/signal/signals.tsv"
    targets = SignalTargets(table, missing="nan")
    assert targets.table["target"].tolist() == ["TOYA", "TOYB", "TOYC-TOYA"]
    sizes = {"chr1": 260_000, "chr2": 180_000, "chr3": 90_000}
    loci = read_loci(undisturbed / "data/toy_loci.bed", sizes, resolution_bp=64)
    values = targets.read(loci)
    assert values.shape == (len(loci), 32, 3)
    assert values[~(values != values)].min() >= 1  # depth, where there is any
    assert (undisturbed / "results/toy_peaks/peaks/peaks.png").stat().st_size > 20_000


@pytest.mark.slow
def test_a_second_run_does_nothing_and_a_change_redoes_what_follows(run_snakemake, finished):
    again = run_snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    for changes, wanted in [
        (
            {"peaks": {"seed": 2}},
            {"generate_negatives": 4, "make_windows": 1, "summarise_peaks": 1, "all": 1},
        ),
        (
            {"peaks": {"seed": 1, "negatives": {"random": {"per_peak": 0.5}}}},
            {"generate_negatives": 1, "make_windows": 1, "summarise_peaks": 1, "all": 1},
        ),
        (
            {"peaks": {"signal": {"resolution_bp": 32}, **CASE_OF_RANDOM}},
            {"bin_signal": 1, "all": 1},
        ),
        (
            {"peaks": {"filters": {"min_peaks": 6}, "signal": {"resolution_bp": 64}}},
            {"filter_peaks": 1, "generate_negatives": 4, "make_windows": 1}
            | {"summarise_peaks": 1, "all": 1},
        ),
    ]:
        change(finished, changes)
        planned = run_snakemake(finished, "--dry-run", "--quiet", "rules")
        assert planned.returncode == 0, planned.stdout
        jobs = planned_jobs(planned.stdout)
        jobs.pop("total")
        assert jobs == wanted, changes


CASE_OF_RANDOM = {"negatives": {"random": {"per_peak": 1}}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "job", "words"),
    [
        (
            {"filters": {"min_peaks": 10_000}},
            "filter_peaks/toy_peaks",
            ["no peak of", "the step 'min_peaks' removed the last", "min_peaks"],
        ),
        (
            {"filters": {"targets": ["TOYZ"]}},
            "filter_peaks/toy_peaks",
            ["a filter names a target that is not there", "'TOYZ'", "Did you mean 'TOY"],
        ),
        (
            {"negatives": {"random": {"per_peak": None, "n": 500_000}}},
            "generate_negatives/toy_peaks/random",
            ["500,000 negatives of 200 bp do not fit", "room for"],
        ),
        (
            {"splits": {"test_targets": ["TOYQ"]}},
            "make_windows/toy_peaks",
            ["splits/test_targets names 'TOYQ'"],
        ),
    ],
    ids=["nothing left", "unknown target", "no room", "unknown target held out"],
)
def test_a_job_that_cannot_work_says_why(run_snakemake, finished, changes, job, words):
    change(finished, {"peaks": changes})
    done = run_snakemake(finished)
    assert done.returncode != 0
    last = (finished / f"logs/{job}.log").read_text().splitlines()[-1]
    assert last in done.stdout
    for word in words:
        assert word in last


@pytest.mark.slow
def test_a_bigwig_that_was_cut_short_is_named(run_snakemake, finished):
    path = finished / "data/toy_bigwigs/TOYA.bw"
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: len(whole) // 2])
    done = run_snakemake(
        finished, "--forcerun", "bin_signal", "results/toy_peaks/signal/signals.tsv"
    )
    assert done.returncode != 0
    assert "TOYA.bw is not a whole bigWig" in done.stdout
    assert not (finished / "results/toy_peaks/signal/signals.tsv").exists()


def test_prefetch_gets_the_peaks(run_snakemake, make_peaks):
    table = TABLE.replace("\tpeaks\t", "\tpeaks\texperiments\t").replace(
        ".bed.gz\t", ".bed.gz\thttps://host/experiments.json\t"
    )
    done = run_snakemake(make_peaks(table=table), "prefetch", "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    jobs = planned_jobs(done.stdout).keys() - {"total", "prefetch"}
    wanted = {"get_genome", "index_genome", "get_blacklist", "get_remap", "get_experiments"}
    assert jobs - {"get_checkpoint", "lock_checkpoints"} == wanted


def test_without_the_chapter_the_columns_are_not_looked_at(run_snakemake, make_directory):
    table = "assembly\tfasta\tpeaks\ntoy\tdata/toy.fa.gz\tremap2022:all\n"
    done = run_snakemake(make_directory(assemblies=table), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    assert not planned_jobs(done.stdout).keys() & {"get_remap", "filter_peaks", "make_windows"}


def test_an_unknown_kind_stops_before_any_job(run_snakemake, make_peaks):
    directory = make_peaks({"peaks": {"negatives": {"randon": {"n": 3}}}})
    stopped_early(run_snakemake, directory, ["'peaks/negatives' names an unknown kind", "'randon'"])


def test_peaks_that_are_missing_stop_before_any_job(run_snakemake, make_peaks):
    directory = make_peaks(table=TABLE.replace("toy_remap.bed.gz", "toy_remab.bed.gz"))
    stopped_early(run_snakemake, directory, ["the peaks file is missing", "toy_remap.bed.gz"])


def stopped_early(run_snakemake, directory, words):
    done = run_snakemake(directory)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if words[0] in line]
    assert len(lines) == 1, done.stdout
    for word in words:
        assert word in lines[0]
    assert not (directory / "results").exists()
