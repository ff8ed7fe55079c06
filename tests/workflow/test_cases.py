"""Each shipped case, run for real on its smallest chrom: its one switch does what it says."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HEADER = "assembly\tfasta\tinclude\tblacklist\tannotation\n"
TABLE = f"{HEADER}toy\tdata/toy.fa.gz\tchr3\tdata/bad.bed\tdata/toy.gtf.gz\n"


@pytest.fixture
def run_case(run_snakemake, make_directory):
    """A function that runs a case with one track and one shard; returns where the results lie."""

    def run(case: str, assembly: str = "toy") -> Path:
        changes = {
            "tiling": {"shards": 1},
            "checkpoints": {"segment_nt_toy": {"tracks": ["exon"]}},
        }
        directory = make_directory(changes, TABLE)
        (directory / "data/bad.bed").write_text("chr3\t30000\t30500\thigh signal\n")
        shutil.copytree(ROOT / ".test" / case, directory / case)
        done = run_snakemake(directory, "--configfile", str(directory / case / "config.yaml"))
        assert done.returncode == 0, done.stdout
        return directory / "results" / assembly / "segment_nt_toy"

    return run


def exon_values(results: Path) -> np.ndarray:
    with pyBigWig.open(str(results / "tracks/exon.bw")) as track:
        return np.array(track.values("chr3", 0, track.chroms("chr3"), numpy=True))


def test_both_strands_are_read(run_case):
    results = run_case("config-both-strands")
    record = json.loads((results / "provenance.json").read_text())
    assert record["inference"]["strands"] == "both"


def test_float16_keeps_more_than_bytes_do(run_case):
    results = run_case("config-float16")
    assert json.loads((results / "provenance.json").read_text())["inference"]["dtype"] == "float16"
    values = exon_values(results)
    steps = 255 * values[~np.isnan(values)]
    assert np.abs(steps - steps.round()).max() > 0.1


def test_blacklisted_bases_are_not_scored(run_case):
    results = run_case("config-skip-blacklist")
    unscored = gzip.decompress((results / "unscored.bed.gz").read_bytes()).decode()
    assert "chr3\t30000\t30500\t" in unscored
    values = exon_values(results)
    assert np.isnan(values[30_000:30_500]).all()
    assert not np.isnan(values[[29_999, 30_500]]).any()


def test_a_genome_needs_neither_blacklist_nor_annotation(run_case):
    results = run_case("config-plain", assembly="toy_plain")
    assert not (results / "evaluation").exists()
    resources = results.parents[2] / "resources/toy_plain"
    assert not (resources / "blacklist.bed").exists()
    chroms = [line.split()[0] for line in (resources / "chrom.sizes").read_text().splitlines()]
    assert chroms == ["chr3", "contig_short"]
