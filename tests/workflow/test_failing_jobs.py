"""A job that cannot succeed says why in one line, in its log and on the screen; nothing is left."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Gate(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_weights_behind_a_gate_say_how_to_open_it(run_snakemake, tmp_path, monkeypatch):
    (tmp_path / "config").symlink_to(ROOT / "config")
    target = "resources/checkpoints/segment_nt/config.json"
    with ThreadingHTTPServer(("127.0.0.1", 0), Gate) as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        done = run_snakemake(tmp_path, target)
        hub.shutdown()
        thread.join()
    assert done.returncode != 0
    log = (tmp_path / "logs/get_checkpoint/segment_nt.log").read_text().splitlines()[-1]
    assert "hf://InstaDeepAI/segment_nt@main is gated" in log
    assert "set HF_TOKEN" in log
    assert log in done.stdout
    assert [path for path in tmp_path.glob("resources/**/*") if path.is_file()] == []


HEADER = "assembly\tfasta\tannotation\tevaluation_chroms\n"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("data/toy.gtf.gz\tchr3,chr4", "evaluation_chroms' of assembly 'x' names a chrom it lacks"),
        ("page.gtf\t", "page.gtf"),
        ("broken.gtf\t", "line 1"),
        ("other.gtf\t", "names no chrom of the genome; found NC_000001.11; the genome has chr1"),
    ],
    ids=["chrom of another assembly", "HTML", "broken rows", "other names"],
)
def test_a_truth_that_cannot_be_used_stops_the_run_before_any_model(
    run_snakemake, make_directory, row, words
):
    directory = make_directory(assemblies=f"{HEADER}x\tdata/toy.fa.gz\t{row}\n")
    (directory / "page.gtf").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (directory / "broken.gtf").write_text("chr1 here there exon\n")
    (directory / "other.gtf").write_text("NC_000001.11\tx\texon\t1\t9\t.\t+\t.\t\n")
    done = run_snakemake(directory)
    assert done.returncode != 0
    (log,) = (directory / "logs/get_annotation/x").iterdir()
    last = log.read_text().splitlines()[-1]
    assert " ERROR basewise: " in last
    assert words in last
    assert last in done.stdout
    assert not list(directory.rglob("*.shard"))
    assert not list(directory.glob("resources/x/annotation*"))


def test_a_genome_cut_down_to_chroms_without_genes_is_no_error(run_snakemake, make_directory):
    header = "assembly\tfasta\tinclude\tblacklist\tannotation\n"
    row = "x\tdata/toy.fa.gz\tcontig_*\tdata/toy_blacklist.bed\tdata/toy.gtf.gz\n"
    directory = make_directory(assemblies=header + row)
    wanted = ["resources/x/annotation.gtf.gz", "resources/x/blacklist.bed"]
    done = run_snakemake(directory, *wanted)
    assert done.returncode == 0, done.stdout
    assert "has no interval of" in (directory / "logs/get_annotation/x/gtf.gz.log").read_text()
    assert (directory / wanted[1]).read_text() == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b">a\n" + b"ACGT" * 9999, mtime=0)[:-20], "genome.fa.gz"),
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
