"""A wrong configuration stops the run in one clear line, before any job and any file."""

import pytest

SMALL = "assembly\tfasta\ntoy\tdata/toy.fa.gz\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiling": {"shardz": 3}}, ["'tiling/shardz'", "found 3", "'tiling/shards'"]),
        ({"tiling": {"shards": "many"}}, ["'tiling/shards'", "whole number", "many"]),
        ({"tiling": {"shards": 0}}, ["'tiling/shards'", "at least 1"]),
        (
            {"segmentation": {"models": ["segment_nt_toi"]}},
            ["'segment_nt_toi'", "'segment_nt_toy'"],
        ),
        ({"segmentation": {"dtype": "int8"}}, ["'segmentation/dtype'", "int8", "uint8"]),
        ({"assemblies": "config/assemblys.tsv"}, ["'assemblies'", "config/assemblys.tsv"]),
        ({"tiling": {"halo_bp": 10**6}}, ["'tiling'", "'segment_nt_toy'", "halo_bp=1000000"]),
        (
            {"checkpoints": {"segment_nt_toy": {"tracks": ["exon", "3UTRs"]}}},
            ["'checkpoints/segment_nt_toy/tracks'", "'3UTRs'", "'3UTR'"],
        ),
    ],
    ids=[
        "misspelt key",
        "wrong type",
        "no shards",
        "unknown model",
        "bad choice",
        "no table",
        "impossible halo",
        "track the checkpoint lacks",
    ],
)
def test_an_illegal_config(run_snakemake, make_directory, changes, words):
    stopped_early(run_snakemake, make_directory(changes), words)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (SMALL.replace("toy.fa.gz", "toi.fa.gz"), ["data/toi.fa.gz", "'data/toy.fa.gz'"]),
        (SMALL.replace("fasta", "fast"), ["assemblies.tsv line 1", "'fast'", "'fasta'"]),
    ],
    ids=["missing FASTA", "misspelt column"],
)
def test_an_illegal_table(run_snakemake, make_directory, table, words):
    stopped_early(run_snakemake, make_directory(assemblies=table), words)


def test_an_output_directory_that_cannot_be_written(run_snakemake, make_directory):
    directory = make_directory()
    (directory / "results").touch()
    stopped_early(run_snakemake, directory, ["'results' cannot be written"])


def stopped_early(run_snakemake, directory, words):
    before = {path for path in directory.rglob("*") if ".snakemake" not in path.parts}
    done = run_snakemake(directory)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if words[0] in line]
    assert len(lines) == 1, done.stdout
    for word in words:
        assert word in lines[0]
    after = {path for path in directory.rglob("*") if ".snakemake" not in path.parts}
    assert after == before
