"""A job that cannot succeed says why in one line, in its log and on the screen; nothing is left."""

import gzip
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_published_weights_say_that_they_come_later(run_snakemake, tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    target = "resources/checkpoints/segment_nt/config.json"
    done = run_snakemake(tmp_path, target)
    assert done.returncode != 0
    log = (tmp_path / "logs/get_checkpoint/segment_nt.log").read_text().splitlines()[-1]
    assert "hf://InstaDeepAI/segment_nt" in log
    assert log in done.stdout
    assert not (tmp_path / target).exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b">a\n" + b"ACGT" * 9999)[:-20], "genome.fa.gz"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b">a\nMKVLEEQ\n", "genome.fa.gz"),
        (b">a\nACGT\n>a\nACGT\n", "'a'"),
    ],
    ids=["truncated", "HTML", "protein", "two of a name"],
)
def test_a_broken_genome_is_named_and_not_kept(run_snakemake, make_directory, content, words):
    directory = make_directory(assemblies="assembly\tfasta\nx\tgenome.fa.gz\n")
    (directory / "genome.fa.gz").write_bytes(content)
    done = run_snakemake(directory, "resources/x/genome.fa")
    assert done.returncode != 0
    last = (directory / "logs/get_genome/x.log").read_text().splitlines()[-1]
    assert " ERROR basewise: " in last
    assert words in last
    assert last in done.stdout
    assert [path for path in directory.glob("resources/**/*") if path.is_file()] == []
