"""What make demo runs, to the end: the planted genes are found, and nothing is done twice."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from basewise.toy import make_toy_genome, write_toy_binding, write_toy_genome

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEMO_SEED = 7
GENIC = ["protein_coding_gene", "exon", "intron", "splice_donor", "splice_acceptor"]


@pytest.fixture(scope="module")
def demo(run_snakemake, make_directory) -> Path:
    directory = make_directory()
    done = run_snakemake(directory)
    assert done.returncode == 0, done.stdout
    return directory


@pytest.fixture(scope="module")
def results(demo) -> Path:
    return demo / "results/toy/segment_nt_toy"


def planned_rules(text: str) -> set[str]:
    rules = {rule for rule, _ in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}
    return rules - {"total", "all"}


def change_config(directory: Path, tmp_path: Path, section: str, values: dict) -> str:
    """A config file to lay over a run's own."""
    path = tmp_path / "over.yaml"
    path.write_text(yaml.safe_dump({section: values}))
    return str(path)


def test_the_shipped_toy_genome_is_what_the_generator_makes(tmp_path):
    fasta, gtf, blacklist = (tmp_path / name for name in ("toy.fa", "toy.gtf", "toy_blacklist.bed"))
    toy = make_toy_genome(DEMO_SEED, sites=True)
    write_toy_genome(toy, fasta, gtf, blacklist)
    shipped = ROOT / ".test/data"
    bound = {"sites_bed": "toy_sites.bed", "peaks_bed": "toy_remap.bed.gz"}
    bound |= {"proteins": "toy_proteins.fa"}
    write_toy_binding(toy, DEMO_SEED, **{key: tmp_path / name for key, name in bound.items()})
    for name in bound.values():
        read = gzip.decompress if name.endswith(".gz") else bytes
        assert read((shipped / name).read_bytes()) == read((tmp_path / name).read_bytes())
    assert gzip.decompress((shipped / "toy.fa.gz").read_bytes()) == fasta.read_bytes()
    assert gzip.decompress((shipped / "toy.gtf.gz").read_bytes()) == gtf.read_bytes()
    assert (shipped / "toy_blacklist.bed").read_bytes() == blacklist.read_bytes()


def test_planted_genes_are_found(results):
    metrics = pd.read_csv(results / "evaluation/metrics.tsv", sep="\t").set_index("element")
    assert metrics.loc[GENIC, "mcc"].mean() >= 0.8


def test_every_track_is_a_whole_bigwig_of_probabilities(results):
    tracks = sorted(results.glob("tracks/*.bw"))
    assert len(tracks) == 10
    for path in tracks:
        with pyBigWig.open(str(path)) as track:
            values = track.values("chr1", 0, track.chroms("chr1"), numpy=True)
        scored = values[~np.isnan(values)]
        assert len(scored) > 200_000
        assert 0 <= scored.min() <= scored.max() <= 1


def test_provenance_names_what_was_run_but_not_how_fast(results, demo):
    record = json.loads((results / "provenance.json").read_text())
    text = json.dumps(record)
    genome = json.loads((demo / "resources/toy/genome.json").read_text())
    assert genome["fasta_sha256"] in text or genome["sha256"] in text
    assert "batch_size" not in json.dumps(record.get("config", {}))
    assert record["config"]["tiling"]["shards"] == 4


def test_logs_and_benchmarks_lie_beside_each_other(demo):
    shards = sorted((demo / "logs/predict_shard/toy/segment_nt_toy").glob("*.log"))
    assert len(shards) == 4
    assert all("bp/s" in path.read_text() for path in shards)
    tables = sorted((demo / "benchmarks/predict_shard/toy/segment_nt_toy").glob("*.tsv"))
    assert [path.stem for path in tables] == [path.stem for path in shards]


def test_a_second_run_does_nothing(run_snakemake, demo):
    done = run_snakemake(demo, "--dry-run")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_speed_reruns_nothing(run_snakemake, demo, tmp_path):
    over = change_config(demo, tmp_path, "segmentation", {"batch_size": 2, "platform": "cpu"})
    done = run_snakemake(demo, "--dry-run", "--configfile", over)
    assert "Nothing to be done" in done.stdout, done.stdout


def test_the_seam_tolerance_merges_nothing_again(run_snakemake, demo, tmp_path):
    over = change_config(demo, tmp_path, "segmentation", {"seam_tolerance": 0.2})
    done = run_snakemake(demo, "--dry-run", "--quiet", "rules", "--configfile", over)
    assert planned_rules(done.stdout) == {"summarise_seams", "check_seams", "write_provenance"}


def test_a_threshold_reruns_calls_and_evaluation_only(run_snakemake, demo, tmp_path):
    calling = {"calling": {"thresholds": {"default": 0.6}}}
    over = change_config(demo, tmp_path, "segmentation", calling)
    done = run_snakemake(demo, "--dry-run", "--quiet", "rules", "--configfile", over)
    rules = planned_rules(done.stdout)
    assert rules == {"call_elements", "evaluate_segmentation", "write_provenance"}
