"""The lock pins what comes from elsewhere: read, written, obeyed, and refused where it must be."""

import hashlib
import http.server
import json
import os
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st

from basewise.checkpoints import fetch_checkpoint, lock_checkpoints
from basewise.checkpoints.lock import HEADER, find_pin, read_lock
from basewise.checkpoints.origin import Origin, SourceFile, read_origin, write_origin
from basewise.errors import BasewiseError

SHA256, OTHER = "a" * 64, "b" * 64
OLD, NEW = "c0" * 20, "c1" * 20
SOURCE = "hf://InstaDeepAI/segment_nt"
WEIGHTS, HYPERPARAMS = "jax_model/pytree_ckpt.joblib", "jax_model/hyperparams.json"

digests = st.text("0123456789abcdef", min_size=64, max_size=64)
origins = st.builds(
    Origin,
    source=st.sampled_from([SOURCE, f"{SOURCE}@v1", "https://host/x"]),
    params_sha256=digests,
    files=st.lists(
        st.builds(
            SourceFile,
            path=st.text("abc/.: -#'", min_size=1),
            bytes=st.integers(0, 10**12),
            sha256=digests,
        ),
        unique_by=lambda file: file.path,
    ).map(tuple),
    repository=st.just("InstaDeepAI/segment_nt"),
    revision=st.text("0123456789abcdef", min_size=40, max_size=40),
)


def make_origin(**changes):
    values = {"source": SOURCE, "params_sha256": SHA256, "repository": "a/b", "revision": OLD}
    return Origin(**{"files": (SourceFile(WEIGHTS, 7, SHA256),)} | values | changes)


def put_origin(folder: Path, name: str, origin: Origin) -> Path:
    write_origin(folder / name, origin)
    return folder / name / "origin.json"


@given(entries=st.dictionaries(st.text("abc-_.019", min_size=1).filter(str.isalnum), origins))
def test_what_is_locked_is_read_back(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("lock")
    paths = [put_origin(folder, name, origin) for name, origin in entries.items()]
    lock_checkpoints(paths, folder / "lock")
    assert read_lock(folder / "lock") == entries
    lock_checkpoints(paths[::-1], folder / "again")
    assert (folder / "again").read_bytes() == (folder / "lock").read_bytes()


def test_a_lock_is_for_people(tmp_path):
    path = put_origin(tmp_path, "mine", make_origin())
    lock_checkpoints([path], tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == HEADER + (
        f"mine:\n  source: {SOURCE}\n  repository: a/b\n  revision: {OLD}\n  files:\n"
        f"    {WEIGHTS}:\n      bytes: 7\n      sha256: {SHA256}\n  params_sha256: {SHA256}\n"
    )


def test_other_entries_stay_and_local_directories_are_not_locked(tmp_path):
    paths = [
        put_origin(tmp_path, name, origin)
        for name, origin in {
            "b": make_origin(),
            "a": make_origin(source="https://host/x", repository=None, revision=None),
            "mine": make_origin(source="trained/mine", repository=None, revision=None),
        }.items()
    ]
    lock = tmp_path / "lock"
    lock_checkpoints(paths[:1], lock)
    lock_checkpoints(paths[1:], lock)
    assert list(read_lock(lock)) == ["a", "b"]
    changed = make_origin(revision=NEW)
    put_origin(tmp_path, "b", changed)
    lock_checkpoints(paths[:1], lock)
    assert read_lock(lock)["b"] == changed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "lock", "mine"]


def test_no_lock_pins_nothing(tmp_path):
    assert read_lock(tmp_path / "lock") == {}
    assert find_pin(tmp_path / "lock", "mine", SOURCE) is None
    assert find_pin(None, "mine", SOURCE) is None


def test_an_entry_of_another_source_is_void_and_said_to_be(tmp_path, caplog):
    lock = tmp_path / "lock"
    lock_checkpoints([put_origin(tmp_path, "mine", make_origin())], lock)
    assert find_pin(lock, "mine", SOURCE).origin == make_origin()
    assert caplog.text == ""
    assert find_pin(lock, "mine", f"{SOURCE}@v1") is None
    assert f"entry 'mine' of {lock} is of {SOURCE} and does not count" in caplog.text


ENTRY = make_origin().to_dict()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\n<<<<<<< HEAD\nb: 2\n", ["lock line 3 is not YAML", "merge"]),
        ("- a\n", ["is not a mapping of names; found list"]),
        ("mine: 3\n", ["entry 'mine' is not the origin"]),
        (json.dumps({"mine": ENTRY | {"files": None}}), ["entry 'mine'"]),
        (json.dumps({"mine": ENTRY | {"revision": "main"}}), ["entry 'mine'", "revision 'main'"]),
        (json.dumps({"mine": ENTRY | {"params_sha256": "1"}}), ["entry 'mine'", "sha256 '1'"]),
        (json.dumps({"mine": {"source": "x"}}), ["entry 'mine'", "no 'files'"]),
    ],
)
def test_a_broken_lock_is_named(tmp_path, text, words):
    lock = tmp_path / "lock"
    lock.write_text(text)
    with pytest.raises(BasewiseError) as caught:
        read_lock(lock)
    for word in words:
        assert word in str(caught.value)


def test_a_broken_origin_is_named(tmp_path):
    assert read_origin(tmp_path) is None
    (tmp_path / "origin.json").write_text("{")
    with pytest.raises(BasewiseError, match=r"origin\.json is not the origin of a checkpoint"):
        read_origin(tmp_path)


@pytest.fixture
def hub(tmp_path, publish, published, monkeypatch, run_hub):
    """A hub whose main has moved on from the commit `OLD` since."""
    snapshot = publish(tmp_path / "published", **published)
    files = {file: (snapshot / file).read_bytes() for file in (WEIGHTS, HYPERPARAMS)}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with run_hub("InstaDeepAI/segment_nt", OLD) as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        server.files.update(files)
        yield server


@pytest.fixture
def locked(hub, tmp_path) -> Path:
    """A lock made when main was at the commit `OLD`; checkpoint and cache are gone since."""
    fetch_checkpoint(SOURCE, tmp_path / "mine", model="mine")
    lock_checkpoints([tmp_path / "mine/origin.json"], tmp_path / "lock")
    shutil.rmtree(tmp_path / "hf")
    shutil.rmtree(tmp_path / "mine")
    hub.commits[NEW] = hub.files | {"README.md": b"new"}
    hub.commit = NEW
    hub.asked.clear()
    return tmp_path / "lock"


def test_the_locked_commit_is_fetched_though_main_moved(hub, locked, tmp_path):
    origin = fetch_checkpoint(SOURCE, tmp_path / "mine", model="mine", lock=locked)
    assert origin == read_lock(locked)["mine"] == read_origin(tmp_path / "mine")
    assert origin.revision == OLD
    assert not any(path.startswith("/api/models") for _, path, _ in hub.asked)
    assert fetch_checkpoint(SOURCE, tmp_path / "free", model="free", lock=locked).revision == NEW


def test_what_is_locked_and_cached_needs_no_network(hub, locked, tmp_path, monkeypatch):
    fetch_checkpoint(SOURCE, tmp_path / "mine", model="mine", lock=locked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fetch_checkpoint(SOURCE, tmp_path / "again", model="mine", lock=locked)
    read = [(tmp_path / name / "params.safetensors").read_bytes() for name in ("mine", "again")]
    assert read[0] == read[1]


@pytest.mark.parametrize("file", [WEIGHTS, HYPERPARAMS])
def test_content_that_changed_under_the_locked_commit_is_refused(hub, locked, tmp_path, file):
    good, bad = hub.commits[OLD][file], hub.commits[OLD][file][::-1]
    hub.commits[OLD][file] = bad
    with pytest.raises(BasewiseError) as caught:
        fetch_checkpoint(SOURCE, tmp_path / "mine", model="mine", lock=locked)
    said = str(caught.value)
    assert f"{file} of hf://InstaDeepAI/segment_nt@{OLD} is not the one in {locked}" in said
    assert hashlib.sha256(good).hexdigest() in said
    assert f"found {len(bad)} bytes with sha256 {hashlib.sha256(bad).hexdigest()}" in said
    assert f"delete the entry 'mine' of {locked}" in said
    assert not [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]


def test_parameters_that_come_out_otherwise_are_refused(hub, locked, tmp_path):
    text = locked.read_text()
    sha256 = read_lock(locked)["mine"].params_sha256
    locked.write_text(text.replace(sha256, OTHER))
    with pytest.raises(
        BasewiseError, match=rf"params\.safetensors made of .* sha256 {OTHER}; found"
    ):
        fetch_checkpoint(SOURCE, tmp_path / "mine", model="mine", lock=locked)
    assert not [path for path in (tmp_path / "mine").rglob("*") if path.is_file()]


def test_directories_by_url_are_locked_too(tiny_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    served = tmp_path / "served"
    shutil.copytree(tiny_checkpoint, served)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=os.fspath(served))
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        try:
            fetch_checkpoint(url, tmp_path / "tiny", model="tiny")
            lock = tmp_path / "lock"
            lock_checkpoints([tmp_path / "tiny/origin.json"], lock)
            fetch_checkpoint(url, tmp_path / "again", model="tiny", lock=lock)
            config = json.loads((served / "config.json").read_text())
            (served / "config.json").write_text(json.dumps(config | {"licence": "none"}))
            with pytest.raises(BasewiseError, match=rf"config\.json of {url} is not the one in"):
                fetch_checkpoint(url, tmp_path / "other", model="tiny", lock=lock)
        finally:
            server.shutdown()
            thread.join()
    assert not list((tmp_path / "other").iterdir())
