"""Published weights come from a hub on this machine that is open, gated, broken, lying or gone."""

import hashlib
import json
import logging
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from basewise.checkpoints import fetch_checkpoint, read_config
from basewise.checkpoints.hub import choose_files, choose_model, find_files
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.repository import Repository
from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.models.zoo import ENCODERS, ZOO

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "hf://InstaDeepAI/segment_nt"
COMMIT = "c0" * 20
WEIGHTS, HYPERPARAMS = "jax_model/pytree_ckpt.joblib", "jax_model/hyperparams.json"


@pytest.fixture
def waits(monkeypatch):
    """Retries without their waits, which are recorded instead."""
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.fixture
def hub(tmp_path, publish, published, monkeypatch, run_hub, waits):
    """A hub with a small segment_nt, and an empty cache; for this process and those it starts."""
    snapshot = publish(tmp_path / "published", **published)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with run_hub("InstaDeepAI/segment_nt", COMMIT) as server:
        server.snapshot = snapshot
        for file in (WEIGHTS, HYPERPARAMS):
            server.files[file] = (snapshot / file).read_bytes()
        use_hub(monkeypatch, server.url, tmp_path / "hf")
        yield server


def use_hub(monkeypatch, url, home):
    monkeypatch.setenv("HF_ENDPOINT", f"{url}/")
    monkeypatch.setenv("HF_HOME", str(home))
    point_at(monkeypatch, url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 60)


def point_at(monkeypatch, url):
    """What HF_ENDPOINT does when huggingface_hub is imported."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def assert_imported(hub, out, revision=COMMIT):
    local = out.with_name("local")
    import_checkpoint(hub.snapshot, "segment_nt", local, revision=revision)
    for name in ("params.safetensors", "config.json"):
        assert (out / name).read_bytes() == (local / name).read_bytes()
    assert read_config(out)["revision"] == revision
    shutil.rmtree(local)


def assert_nothing_made(out):
    assert [path for path in out.rglob("*") if path.is_file()] == []


def test_published_weights_are_fetched_and_imported(hub, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        origin = fetch_checkpoint(SOURCE, tmp_path / "out", model="mine")
    assert "CC-BY-NC-SA-4.0" in caplog.text
    assert_imported(hub, tmp_path / "out")
    assert (origin.repository, origin.revision) == ("InstaDeepAI/segment_nt", COMMIT)
    assert {file.path: (file.bytes, file.sha256) for file in origin.files} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in hub.files.items()
    }
    assert {path.name for path in tmp_path.iterdir()} == {"published", "hf", "out"}


def test_what_is_in_the_cache_is_not_fetched_again(hub, tmp_path):
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert len(hub.fetched) == 2
    fetch_checkpoint(SOURCE, tmp_path / "again")
    assert len(hub.fetched) == 2
    assert_imported(hub, tmp_path / "again")


def test_the_command_line_takes_a_repository(hub, tmp_path):
    out = tmp_path / "out"
    arguments = ["checkpoint", "import", f"{SOURCE}@{COMMIT}", "--model", "segment_nt"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert_imported(hub, out)
    assert main([*arguments, "--revision", "1", "--out", str(out)]) == 1


def test_the_shipped_configuration_gets_its_checkpoint(hub, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / "config").symlink_to(ROOT / "config")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "workflow/Snakefile"]
    target = "resources/checkpoints/segment_nt/params.safetensors"
    options = ["--cores", "1", "--directory", directory, target]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    log = (directory / "logs/get_checkpoint/segment_nt.log").read_text()
    assert "WARNING" in log
    assert "CC-BY-NC-SA-4.0" in log
    assert "HTTP Request" not in log  # the library's chatter
    assert_imported(hub, directory / "resources/checkpoints/segment_nt")


@pytest.mark.parametrize("step", ["cut", "stall"])
def test_a_broken_download_goes_on_where_it_broke(hub, tmp_path, monkeypatch, step):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    if step == "stall":
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 2)
    hub.steps = [step, "cut", "serve"]
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_imported(hub, tmp_path / "out")
    whole, starts = len(hub.files[WEIGHTS]), [0]
    for _ in range(2):
        starts.append((starts[-1] + (whole - starts[-1]) // 2) // 1024 * 1024)
    spans = [span for path, span in hub.fetched if path == WEIGHTS]
    assert spans == [None, *(f"bytes={start}-" for start in starts[1:])]


def test_a_hub_that_is_down_for_a_while_is_asked_again(hub, tmp_path, waits):
    hub.steps = [503, 500, "serve"]
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert waits == [1, 2]
    assert_imported(hub, tmp_path / "out")


def test_a_hub_that_stays_down_is_given_up(hub, tmp_path):
    hub.steps = [503]
    with pytest.raises(BasewiseError, match=r"joblib could not be fetched: 3 attempts.*HTTP 503"):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_nothing_made(tmp_path / "out")


def test_a_hub_that_is_gone_leaves_the_cache(hub, tmp_path, monkeypatch, caplog):
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        point_at(monkeypatch, nowhere)
        with pytest.raises(BasewiseError, match=r"main could not be fetched: 6 attempts.*refused"):
            fetch_checkpoint(SOURCE, tmp_path / "out")
        point_at(monkeypatch, hub.url)
        fetch_checkpoint(SOURCE, tmp_path / "out")
        point_at(monkeypatch, nowhere)
        fetch_checkpoint(SOURCE, tmp_path / "later")
    assert f"taking the commit in the cache, {COMMIT}" in caplog.text
    assert_imported(hub, tmp_path / "later")


REFUSALS = {
    "gated": (403, "GatedRepo", "Access to model is restricted"),
    "gated to all": (401, "GatedRepo", "Access to model is restricted"),
    "private": (401, "RepoNotFound", "Repository not found"),
    "missing": (404, "RepoNotFound", "Repository not found"),
    "closed": (403, None, None),
    "old hub": (401, None, None),
    "bad token": (401, None, "Invalid credentials in Authorization header"),
    "no revision": (404, "RevisionNotFound", "Invalid rev id: main"),
    "disabled": (403, None, "Access to this resource is disabled."),
    "other": (410, None, None),
}
LICENCE = "Accept its licence at https://huggingface.co/InstaDeepAI/segment_nt, make a token"


@pytest.mark.parametrize(
    ("refusal", "token", "words"),
    [
        ("gated", None, ["is gated; found HTTP 403 Forbidden: Access", LICENCE, "set HF_TOKEN."]),
        ("gated", "mine", [LICENCE, "set HF_TOKEN (the one set is not enough)"]),
        ("gated to all", None, ["is gated; found HTTP 401", LICENCE]),
        ("private", None, ["is private or gated, or does not exist", "Check the name", LICENCE]),
        ("old hub", None, ["is private or gated, or does not exist", LICENCE]),
        ("missing", None, ["does not exist, or is private and HF_TOKEN is not set", "HTTP 404"]),
        ("missing", "mine", ["does not exist to this token; found HTTP 404"]),
        ("closed", None, ["is gated or closed to you; found HTTP 403", LICENCE]),
        ("bad token", "mine", ["does not accept the token in use", "Invalid credentials"]),
        ("no revision", None, ["@main: there is no such revision", "segment_nt/commits"]),
        ("disabled", None, ["has been disabled by the hub"]),
        ("other", None, ["cannot be fetched; found HTTP 410 Gone"]),
    ],
)
def test_what_a_hub_refuses_is_explained(hub, tmp_path, monkeypatch, refusal, token, words, waits):
    hub.refusal = REFUSALS[refusal]
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(BasewiseError) as caught:
        fetch_checkpoint(SOURCE, tmp_path / "out")
    said = str(caught.value)
    assert said.startswith(f"{SOURCE}@main")
    for word in words:
        assert word in said
    assert "mine" not in said
    assert waits == []
    assert_nothing_made(tmp_path / "out")


def test_a_token_opens_it_and_goes_nowhere_else(hub, tmp_path, monkeypatch):
    hub.refusal, hub.token = REFUSALS["gated"], "secret"
    monkeypatch.setenv("HF_TOKEN", "secret\n")
    hub.elsewhere = f"http://localhost:{hub.server_port}"
    fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_imported(hub, tmp_path / "out")
    assert hub.tokens_elsewhere == [None]


def test_a_web_page_in_the_place_of_a_hub_is_told(hub, tmp_path, waits):
    hub.page = b"<!DOCTYPE html><title>Sign in to the network</title>"
    with pytest.raises(BasewiseError, match=r"is no model hub; found .*a web page.*HF_ENDPOINT"):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert waits == []


@pytest.mark.parametrize(
    ("steps", "served", "message"),
    [
        (["page"], None, r"joblib could not be fetched.*should be of size"),
        (["serve"], lambda data: data[:-1], r"joblib could not be fetched.*should be of size"),
        (["serve"], lambda data: data[::-1], r"is not the file that the hub lists; found sha256 "),
        (["serve"], lambda data: b"<html>".ljust(len(data)), r"hub lists; found a web page"),
    ],
    ids=["page", "shorter", "changed", "page of the same size"],
)
def test_other_bytes_than_the_hub_lists_are_refused(hub, tmp_path, steps, served, message):
    hub.steps = steps
    if served:
        hub.served[WEIGHTS] = served(hub.files[WEIGHTS])
    with pytest.raises(BasewiseError, match=message):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_nothing_made(tmp_path / "out")


def test_small_files_are_compared_too(hub, tmp_path):
    hub.served[HYPERPARAMS] = hub.files[HYPERPARAMS].replace(b"6", b"7", 1)
    with pytest.raises(
        BasewiseError, match=r"hyperparams\.json is not the file that the hub lists"
    ):
        fetch_checkpoint(SOURCE, tmp_path / "out")


def test_a_file_damaged_in_the_cache_is_fetched_again(hub, tmp_path, caplog):
    fetch_checkpoint(SOURCE, tmp_path / "out")
    (cached,) = tmp_path.glob(f"hf/hub/*/snapshots/{COMMIT}/{WEIGHTS}")
    cached.write_bytes(cached.read_bytes()[::-1])
    fetch_checkpoint(SOURCE, tmp_path / "again")
    assert "is damaged" in caplog.text
    assert_imported(hub, tmp_path / "again")


def test_what_is_no_array_is_refused(hub, tmp_path):
    hub.files[WEIGHTS] = b"\x80\x04cos\nsystem\n."
    with pytest.raises(BasewiseError, match=r"asks for os\.system"):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    assert_nothing_made(tmp_path / "out")


def test_the_checksum_is_that_of_the_published_file(hub, tmp_path):
    right = f"sha256:{hashlib.sha256(hub.files[WEIGHTS]).hexdigest()}"
    fetch_checkpoint(SOURCE, tmp_path / "out", checksum=right)
    assert_imported(hub, tmp_path / "out")
    with pytest.raises(BasewiseError, match=r"pytree_ckpt\.joblib is not the expected file"):
        fetch_checkpoint(SOURCE, tmp_path / "other", checksum="sha256:" + "0" * 64)
    assert_nothing_made(tmp_path / "other")


def test_offline_the_cache_will_do(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BasewiseError, match=r"is not in the cache, .*hf/hub; found HF_HUB_OFFLINE"):
        fetch_checkpoint(SOURCE, tmp_path / "out")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    fetch_checkpoint(SOURCE, tmp_path / "out")
    asked = len(hub.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name, source in [("branch", SOURCE), ("commit", f"{SOURCE}@{COMMIT}")]:
        fetch_checkpoint(source, tmp_path / name)
        assert_imported(hub, tmp_path / name)
    with pytest.raises(BasewiseError, match=r"segment_nt@v9 is not in the cache"):
        fetch_checkpoint(f"{SOURCE}@v9", tmp_path / "v9")
    assert len(hub.asked) == asked


def test_a_repository_without_the_files_says_what_was_wanted(hub, tmp_path):
    hub.files.clear()
    hub.files["README.md"] = b"nothing yet"
    with pytest.raises(BasewiseError) as caught:
        fetch_checkpoint(SOURCE, tmp_path / "out")
    said = str(caught.value)
    assert "has no files of segment_nt that can be imported; found README.md" in said
    assert f"Wanted: {WEIGHTS} + {HYPERPARAMS} or model.safetensors" in said


@pytest.mark.parametrize("name", ZOO)
def test_the_preferred_files_that_are_there_are_chosen(name):
    model = ZOO[name]
    present = {file.path for files in model.files for file in files.members} | {"README.md"}
    for files in model.files:
        expected = [file.path for file in files.members if file.path in present]
        assert choose_files(model, present) == expected
        optional = {files.settings.path} if files.settings and not files.needs_settings else set()
        without = choose_files(model, present - optional)
        assert without == [path for path in expected if path not in optional]
        present -= {files.weights[-1].path}
    assert choose_files(model, present) is None


def test_the_cache_offers_the_set_it_has(hub, tmp_path, monkeypatch):
    del hub.files[WEIGHTS]
    hub.files["model.safetensors"] = b"weights"
    repository = Repository("InstaDeepAI/segment_nt")
    commit, listed = find_files(repository, ZOO["segment_nt"])
    assert list(listed) == ["model.safetensors"]
    repository.at(commit).fetch("model.safetensors", listed["model.safetensors"])
    repository.remember("model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    commit, listed = find_files(repository, ZOO["segment_nt"])
    assert (commit, list(listed)) == (COMMIT, ["model.safetensors"])


def test_weights_in_shards_are_found_and_offered_by_the_cache(hub, tmp_path, monkeypatch):
    index = "pytorch_model.bin.index.json"
    shards = [f"pytorch_model-0000{n}-of-00002.bin" for n in (1, 2)]
    hub.files.clear()
    hub.files.update({"README.md": b"", "pytorch_model-a.bin": b"", "config.json": b"{}"})
    hub.files.update(dict.fromkeys(shards, b"weights"))
    hub.files[index] = json.dumps({"weight_map": {"a": shards[0], "b": shards[1]}}).encode()
    repository, model = Repository("InstaDeepAI/segment_nt"), ENCODERS["esm2_t36_3B"]
    commit, listed = find_files(repository, model)
    assert list(listed)[:3] == [index, *shards]
    assert set(listed) <= {index, *shards, "config.json"}
    for file, expected in listed.items():
        repository.at(commit).fetch(file, expected)
        repository.remember(file)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    offline = find_files(repository, model)
    assert (offline[0], list(offline[1])) == (COMMIT, list(listed))


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
