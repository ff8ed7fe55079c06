"""Published weights come from a hub on this machine that is open, gated, broken or gone."""

import hashlib
import http.server
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from basewise.checkpoints import fetch_checkpoint, read_config
from basewise.checkpoints.hub import Repository, choose_model
from basewise.checkpoints.published import import_checkpoint
from basewise.cli import main
from basewise.errors import BasewiseError

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "hf://InstaDeepAI/segment_nt"
COMMIT = "c0" * 20
WEIGHTS, HYPERPARAMS = "jax_model/pytree_ckpt.joblib", "jax_model/hyperparams.json"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        hub = self.server
        hub.asked.append(self.path)
        self.close_connection = True
        is_elsewhere = self.path.startswith("/elsewhere/")
        token = self.headers.get("Authorization")
        if hub.token and not is_elsewhere and token != f"Bearer {hub.token}":
            return self.answer(hub.refusal, b"{}")
        if is_elsewhere:
            hub.tokens_elsewhere.append(token)
        elif hub.elsewhere and self.path.endswith(".joblib"):
            self.send_response(302)
            self.send_header("Location", f"{hub.elsewhere}/elsewhere{self.path}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        data = hub.files.get(self.path.removeprefix("/elsewhere"))
        if data is None:
            return self.answer(404, b"Entry not found")
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        cut = len(data) // 2 if self.path.endswith(".joblib") and hub.cuts else None
        hub.cuts -= cut is not None
        return self.answer(206 if start else 200, data, start, cut)

    def answer(self, status, data, start=0, cut=None):
        self.send_response(status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(data[start:cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, publish, published, monkeypatch):
    """A server that holds a small segment_nt; its attributes say how it behaves."""
    snapshot = publish(tmp_path / "published", **published)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.snapshot, server.asked, server.tokens_elsewhere = snapshot, [], []
        server.token, server.refusal, server.cuts, server.elsewhere = None, 403, 0, None
        base = "/InstaDeepAI/segment_nt/resolve"
        server.files = {
            f"{base}/{COMMIT}/{file}": (snapshot / file).read_bytes()
            for file in (WEIGHTS, HYPERPARAMS)
        }
        server.files["/api/models/InstaDeepAI/segment_nt/revision/main"] = json.dumps(
            {"sha": COMMIT}
        ).encode()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr(time, "sleep", lambda _: None)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def assert_imported(hub, out, revision=COMMIT):
    import_checkpoint(hub.snapshot, "segment_nt", out.with_name("local"), revision=revision)
    for name in ("params.safetensors", "config.json"):
        assert (out / name).read_bytes() == (out.with_name("local") / name).read_bytes()
    assert read_config(out)["revision"] == revision
    left = {"published", "local", out.name}
    assert {path.name for path in out.parent.iterdir()} == left  # no download


def test_published_weights_are_fetched_and_imported(hub, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        fetch_checkpoint(SOURCE, tmp_path / "out", model="mine")
    assert "CC-BY-NC-SA-4.0" in caplog.text
    assert_imported(hub, tmp_path / "out")
    assert all(COMMIT in path for path in hub.asked[1:])


def test_the_command_line_takes_a_repository(hub, tmp_path):
    out = tmp_path / "out"
    arguments = ["checkpoint", "import", f"{SOURCE}@{COMMIT}", "--model", "segment_nt"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert_imported(hub, out)
    assert not any(path.startswith("/api") for path in hub.asked)  # a commit needs no pinning
    assert main([*arguments, "--revision", "1", "--out", str(out)]) == 1


def test_the_shipped_configuration_gets_its_checkpoint(hub, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "config").symlink_to(ROOT / "config")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "workflow/Snakefile"]
    target = "resources/checkpoints/segment_nt/params.safetensors"
    options = ["--cores", "1", "--directory", directory, target]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    assert "WARNING" in (log := (directory / "logs/get_checkpoint/segment_nt.log").read_text())
    assert "CC-BY-NC-SA-4.0" in log
    assert read_config(directory / "resources/checkpoints/segment_nt")["revision"] == COMMIT
    import_checkpoint(hub.snapshot, "segment_nt", tmp_path / "local")
    given = (tmp_path / "local" / "params.safetensors").read_bytes()
    assert (directory / target).read_bytes() == given
    assert [path.name for path in (directory / "resources/checkpoints").iterdir()] == ["segment_nt"]


def test_a_hub_that_tells_no_commit_will_do(hub, tmp_path):
    hub.files = {
        path.replace(COMMIT, "v1%2Fa"): data
        for path, data in hub.files.items()
        if path.startswith("/Insta")
    }
    fetch_checkpoint(f"{SOURCE}@v1/a", tmp_path / "out")
    assert_imported(hub, tmp_path / "out", revision="v1/a")


def test_a_broken_download_goes_on(hub, tmp_path):
    hub.cuts = 2
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert hub.cuts == 0
    assert_imported(hub, tmp_path / "out")


def test_what_came_before_the_network_failed_is_used_later(hub, tmp_path):
    hub.cuts = 1000
    whole = len(hub.files[f"/InstaDeepAI/segment_nt/resolve/{COMMIT}/{WEIGHTS}"])
    with pytest.raises(BasewiseError, match=r"could not be fetched.*\.out\.download.* keeps the"):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))
    (part,) = tmp_path.rglob("*.part")
    assert part.stat().st_size >= whole // 2
    hub.cuts = 0
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_imported(hub, tmp_path / "out")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_gated_repository_is_explained(hub, tmp_path, monkeypatch, status, token):
    hub.token, hub.refusal = "secret", status
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(BasewiseError) as caught:
        fetch_checkpoint(SOURCE, tmp_path / "out")
    said = str(caught.value)
    assert f"{SOURCE}@main is gated, private or not there; found HTTP {status}" in said
    assert "Accept its licence at https://huggingface.co/InstaDeepAI/segment_nt" in said
    assert ("the one set is not enough" in said) == bool(token)
    assert "wrong" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"published"}


def test_a_token_opens_it_and_goes_nowhere_else(hub, tmp_path, monkeypatch):
    hub.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret\n")
    hub.elsewhere = f"http://localhost:{hub.server_port}"
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_imported(hub, tmp_path / "out")
    assert hub.tokens_elsewhere == [None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"pytree_ckpt\.joblib cannot be fetched; found HTTP 404"),
        (b"<!DOCTYPE html>", r"pytree_ckpt\.joblib answers with a web page"),
        (b"\x80\x04cos\nsystem\n.", r"asks for os\.system"),
    ],
)
def test_a_failure_leaves_nothing(hub, tmp_path, content, message):
    hub.files[f"/InstaDeepAI/segment_nt/resolve/{COMMIT}/{WEIGHTS}"] = content
    with pytest.raises(BasewiseError, match=message):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"published"}


def test_the_checksum_is_that_of_the_published_file(hub, tmp_path):
    weights = (hub.snapshot / WEIGHTS).read_bytes()
    right = f"sha256:{hashlib.sha256(weights).hexdigest()}"
    fetch_checkpoint(SOURCE, tmp_path / "out", checksum=right)
    assert_imported(hub, tmp_path / "out")
    with pytest.raises(BasewiseError, match=r"pytree_ckpt\.joblib is not the expected file"):
        fetch_checkpoint(SOURCE, tmp_path / "other", checksum="sha256:" + "0" * 64)
    assert not list(tmp_path.glob("other/*"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hf://a/b", ("a/b", "main")),
        ("hf://a/b/", ("a/b", "main")),
        ("hf://a/b.c-d@v1", ("a/b.c-d", "v1")),
        ("hf://a/b@refs/pr/1", ("a/b", "refs/pr/1")),
    ],
)
def test_sources_are_read(source, expected):
    repository = Repository.parse(source)
    assert (repository.name, repository.revision) == expected


@pytest.mark.parametrize("source", ["hf://", "hf://a", "hf://a/b/c", "hf://a/b@", "hf://a b/c"])
def test_other_sources_are_refused(source):
    with pytest.raises(BasewiseError, match="is written hf://OWNER/NAME"):
        Repository.parse(source)


def test_the_repository_says_which_model_it_is():
    def choose(source, name=None):
        return choose_model(Repository.parse(source), name).name

    assert choose("hf://instadeepai/segment_nt", "mine") == "segment_nt"
    assert choose("hf://me/copy", "segment_nt_multi_species") == "segment_nt_multi_species"
    assert choose("hf://me/segment_nt") == "segment_nt"
    with pytest.raises(BasewiseError, match="is not the repository of segment_nt_multi_species"):
        choose("hf://InstaDeepAI/segment_nt", "segment_nt_multi_species")
    with pytest.raises(BasewiseError, match="unknown published model; found 'mine'"):
        choose("hf://me/copy", "mine")
