"""What prefetch brings is all that a run needs: the rest works in a world without a network."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import joblib
import numpy as np
import pyBigWig
import pytest
import yaml

from basewise.checkpoints import hash_checkpoint
from basewise.checkpoints.lock import read_lock

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMIT, LOCK = "c0" * 20, "resources/checkpoints.lock"
SOURCE = "hf://InstaDeepAI/segment_nt"
CONFIG = {
    "tiling": {"shards": 1, "context_bp": 960, "halo_bp": 120},
    "checkpoints": {"published": {"source": SOURCE, "tracks": ["exon", "intron"]}},
    "segmentation": {"models": ["published"], "platform": "cpu", "batch_size": 4},
}
ROW = {
    "assembly": "tiny",
    "fasta": "tiny.fa.gz",
    "blacklist": "blacklist.bed",
    "annotation": "genes.gtf",
}
DOWNLOADS = {"get_genome", "index_genome", "get_blacklist", "get_annotation", "get_checkpoint"}


def publish(folder: Path) -> None:
    """Write a small SegmentNT of random weights as its publishers do."""
    import jax

    from basewise.models.families import build_track_model
    from basewise.models.parameters import flatten
    from basewise.models.zoo import ZOO

    sizes = {"max_positions": 64, "embed_dim": 8, "attention_heads": 2}
    sizes |= {"ffn_embed_dim": 12, "num_layers": 2}
    config = ZOO["segment_nt"].to_config()
    config["architecture"]["trunk"] |= {**sizes, "key_size": None}
    skeleton = jax.eval_shape(build_track_model(config).init, jax.random.key(0))
    rng, tree = np.random.default_rng(5), {}
    for name, leaf in flatten(skeleton).items():
        module, _, key = name.partition("|")
        tree.setdefault(module, {})[key] = rng.normal(0, 0.2, leaf.shape).astype(np.float32)
    trunk = config["architecture"]["trunk"] | {"k_for_kmers": 6}
    trunk["features"] = config["architecture"]["features"]
    (folder / "jax_model").mkdir(parents=True)
    joblib.dump(tree, folder / "jax_model/pytree_ckpt.joblib")
    (folder / "jax_model/hyperparams.json").write_text(json.dumps(trunk))


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """Where everything of this module lies."""
    return tmp_path_factory.mktemp("offline")


@pytest.fixture(scope="module")
def hub(here, run_hub):
    """A hub with the published weights; its environment for the command line."""
    publish(here / "published")
    with run_hub("InstaDeepAI/segment_nt", COMMIT) as server, pytest.MonkeyPatch.context() as patch:
        for path in (here / "published/jax_model").iterdir():
            server.files[f"jax_model/{path.name}"] = path.read_bytes()
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
            patch.delenv(name, raising=False)
        patch.setenv("HF_ENDPOINT", server.url)
        patch.setenv("HF_HOME", str(here / "hf"))
        patch.setenv("no_proxy", "127.0.0.1")
        yield server


@pytest.fixture(scope="module")
def files(here, random_genome):
    """The URL of a server with a genome, a blacklist and an annotation."""
    folder = here / "files"
    folder.mkdir()
    with gzip.open(folder / "tiny.fa.gz", "wt") as stream:
        stream.write(random_genome)
    (folder / "blacklist.bed").write_text("chrA\t100\t200\n")
    (folder / "genes.gtf").write_text(
        "".join(
            f'chrA\tx\t{kind}\t{start}\t{end}\t.\t+\t.\tgene_id "g"; transcript_id "t"; '
            'gene_type "protein_coding"; transcript_type "protein_coding";\n'
            for kind, start, end in [
                ("gene", 1001, 3000),
                ("transcript", 1001, 3000),
                ("exon", 1001, 1500),
                ("exon", 2501, 3000),
            ]
        )
    )
    handler = partial(SimpleHTTPRequestHandler, directory=os.fspath(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def random_genome() -> str:
    rng = np.random.default_rng(8)
    return "".join(
        f">{name}\n{rng.choice(list('ACGT'), length).tobytes().decode('utf-32-le')}\n"
        for name, length in [("chrA", 6_000), ("chrB", 1_500)]
    )


def make_run(here: Path, name: str, files: str, **checkpoint) -> Path:
    """A working directory whose config names remote sources only."""
    folder = here / name / "config"
    folder.mkdir(parents=True)
    config = CONFIG | {
        "checkpoints": {"published": CONFIG["checkpoints"]["published"] | checkpoint}
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    cells = {key: f"{files}/{value}" for key, value in ROW.items() if key != "assembly"}
    table = "\n".join("\t".join(row) for row in zip(*(ROW | cells).items(), strict=True))
    (folder / "assemblies.tsv").write_text(table + "\n")
    return folder.parent


@pytest.fixture(scope="module")
def prefetched(here, hub, files, run_snakemake) -> Path:
    """A working directory after `snakemake prefetch`."""
    directory = make_run(here, "run", files)
    done = run_snakemake(directory, "prefetch")
    assert done.returncode == 0, done.stdout
    assert {path.name for path in (directory / "logs").iterdir()} == DOWNLOADS | {
        "lock_checkpoints"
    }
    return directory


@pytest.fixture(scope="module")
def cut_off(hub) -> Callable[..., subprocess.CompletedProcess]:
    """A function that runs a command where there is no network, not even this machine's own."""

    def run(*command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["unshare", "--map-root-user", "--net", *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    if shutil.which("unshare") is None or run("true").returncode:
        pytest.skip("no network namespaces for this user, so nothing to cut a run off with")
    socket.create_connection(("127.0.0.1", hub.server_port)).close()
    call = f"import socket; socket.create_connection(('127.0.0.1', {hub.server_port}))"
    assert "unreachable" in run(sys.executable, "-c", call).stdout
    return run


def test_prefetch_locks_what_it_fetched(prefetched, hub):
    (entry,) = read_lock(prefetched / LOCK).values()
    assert (entry.source, entry.revision) == (SOURCE, COMMIT)
    assert {file.path: file.bytes for file in entry.files} == {
        path: len(data) for path, data in hub.files.items()
    }
    assert entry.params_sha256 == hash_checkpoint(prefetched / "resources/checkpoints/published")


def test_a_second_prefetch_does_nothing(prefetched, run_snakemake):
    done = run_snakemake(prefetched, "prefetch", "--dry-run")
    assert "Nothing to be done" in done.stdout, done.stdout


def test_after_prefetch_all_runs_without_a_network(prefetched, hub, cut_off):
    lock, asked = (prefetched / LOCK).read_bytes(), len(hub.asked)
    snakefile = ROOT / "workflow/Snakefile"
    command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--cores", "2"]
    done = cut_off(*command, "--directory", prefetched)
    assert done.returncode == 0, done.stdout
    results = prefetched / "results/tiny/published"
    for track in ("exon", "intron"):
        with pyBigWig.open(str(results / f"tracks/{track}.bw")) as bigwig:
            values = bigwig.values("chrA", 0, 6_000, numpy=True)
        assert np.isfinite(values).mean() > 0.99
        assert np.nanstd(values) > 0
    for name in ("elements.bed.gz", "seams.ok", "provenance.json", "evaluation/metrics.tsv"):
        assert (results / name).is_file()
    ran = {path.name for path in (prefetched / "logs").iterdir()}
    assert {"predict_shard", "merge_track", "evaluate_segmentation"} <= ran
    assert len(hub.asked) == asked
    assert (prefetched / LOCK).read_bytes() == lock


def test_a_checkpoint_other_than_the_lock_says_stops_the_run(prefetched, run_snakemake, here):
    other = here / "other"
    shutil.copytree(prefetched, other, ignore=shutil.ignore_patterns(".snakemake"))
    text = (other / LOCK).read_text()
    (other / LOCK).write_text(text.replace(COMMIT, "d1" * 20))
    done = run_snakemake(other, "--dry-run")
    assert done.returncode != 0
    assert "checkpoint 'published' in resources/checkpoints/published is not what" in done.stdout
    assert f"found revision {COMMIT} instead of {'d1' * 20}" in done.stdout


def test_a_lock_that_came_along_is_obeyed(prefetched, hub, files, run_snakemake, here, monkeypatch):
    """As in a fresh clone, on another machine, with weights that somebody changed since."""
    directory = make_run(here, "clone", files)
    (directory / "resources").mkdir()
    shutil.copy(prefetched / LOCK, directory / LOCK)
    monkeypatch.setenv("HF_HOME", str(here / "other_hf"))
    weights = "jax_model/pytree_ckpt.joblib"
    right = hub.files[weights]
    monkeypatch.setitem(hub.files, weights, right[:-9] + bytes(9))
    targets = ["resources/checkpoints/published/params.safetensors", "resources/tiny/genome.fa"]
    done = run_snakemake(directory, *targets)
    assert done.returncode != 0
    last = (directory / "logs/get_checkpoint/published.log").read_text().splitlines()[-1]
    assert f"{weights} of {SOURCE}@{COMMIT} is not the one in {LOCK}" in last
    assert "delete the entry 'published'" in last
    assert not list(directory.glob("resources/checkpoints/published/*"))
    monkeypatch.setitem(hub.files, weights, right)
    done = run_snakemake(directory, "prefetch")
    assert done.returncode == 0, done.stdout
    assert (directory / LOCK).read_bytes() == (prefetched / LOCK).read_bytes()


def test_another_source_in_the_config_renews_its_entry(prefetched, files, run_snakemake, here):
    directory = here / "edited"
    shutil.copytree(prefetched, directory)
    shutil.rmtree(directory / "config")
    make_run(here, "edited", files, source=f"{SOURCE}@{COMMIT}")
    done = run_snakemake(directory, "prefetch")
    assert done.returncode == 0, done.stdout
    log = (directory / "logs/get_checkpoint/published.log").read_text()
    assert f"is of {SOURCE} and does not count" in log
    (entry,) = read_lock(directory / LOCK).values()
    assert entry.source == f"{SOURCE}@{COMMIT}"
    done = run_snakemake(directory, "prefetch", "--dry-run")
    assert "Nothing to be done" in done.stdout, done.stdout
