"""The second half of make demo, on the smallest chrom: factors are drawn where they bind."""

import gzip
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CASE = ROOT / ".test/config-binding"
TRACKS = ["TOYA.liver", "TOYB.K-1.2", "TOYC-TOYA.liver"]


@pytest.fixture(scope="module")
def results(run_snakemake, make_directory) -> Path:
    directory = make_directory()
    shutil.copytree(CASE, directory / CASE.name)
    case = yaml.safe_load((CASE / "config.yaml").read_text())
    case["checkpoints"]["binding_toy"]["source"] = str(ROOT / "resources/toy/binding_toy")
    case["tiling"] = {"shards": 1}
    (directory / CASE.name / "config.yaml").write_text(yaml.safe_dump(case))
    targets = pd.read_csv(CASE / "targets.tsv", sep="\t")
    targets = targets[(targets["target"] + "." + targets["biotype"]).isin(TRACKS)]
    targets.to_csv(directory / CASE.name / "targets.tsv", sep="\t", index=False)
    table = pd.read_csv(CASE / "assemblies.tsv", sep="\t").assign(include="chr3")
    table.to_csv(directory / CASE.name / "assemblies.tsv", sep="\t", index=False)
    folder = "results/toy/binding_toy"
    done = run_snakemake(
        directory,
        *(f"{folder}/{name}" for name in ("peaks.bed.gz", "evaluation/binding.tsv")),
        "--configfile",
        str(directory / CASE.name / "config.yaml"),
    )
    assert done.returncode == 0, done.stdout
    return directory / folder


def test_tracks_tell_bound_bins(results):
    table = pd.read_csv(results / "evaluation/binding.tsv", sep="\t").set_index("track")
    assert sorted(table.index) == TRACKS
    assert (table["n_positive"] > 30).all()
    assert (table["prevalence"] < 0.15).all()
    assert table["auprc"].min() >= 0.8


def test_most_peaks_are_at_planted_sites(results):
    sites = pd.read_csv(ROOT / ".test/data/toy_sites.bed", sep="\t", header=None)
    for track in TRACKS:
        factors = track.split(".")[0].split("-")
        own = sites[(sites[0] == "chr3") & sites[3].isin(factors)]
        with gzip.open(results / f"peaks/{track}.narrowPeak.gz", "rt") as stream:
            rows = [line.split("\t") for line in stream]
        assert {row[0] for row in rows} == {"chr3"}
        spans = [(int(row[1]), int(row[2])) for row in rows]
        assert all(end > start for start, end in spans)
        found = [
            any(s < b and a < e for s, e in spans) for a, b in zip(own[1], own[2], strict=True)
        ]
        true = [((own[1] < e) & (own[2] > s)).any() for s, e in spans]
        assert sum(found) >= 0.7 * len(own)
        assert sum(true) >= 0.6 * len(spans)
