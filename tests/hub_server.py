"""A model hub on this machine that is open, gated, broken, lying or gone, as its attributes say."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

LARGE = (".joblib", ".safetensors", ".bin")


class FakeHub(http.server.ThreadingHTTPServer):
    """One repository, whose branch `main` is at `commit`.

    Attributes:
        commits: commit -> path -> bytes, as listed.
        served: path -> bytes, where others are sent than are listed.
        steps: what happens to requests for the bytes of large files, one after another: "serve",
            "cut" and "stall" (after half), "page" (a login page), or a status; the last one stays.
        refusal: (status, X-Error-Code, X-Error-Message) for all without `token`; None for none.
        elsewhere: where large files really lie, if not here.
        asked: (method, path, Range) of each request.
    """

    daemon_threads = True

    def __init__(self, name: str, commit: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.name, self.commit = name, commit
        self.commits, self.served, self.steps = {}, {}, ["serve"]
        self.refusal = self.token = self.elsewhere = self.page = None
        self.asked, self.tokens_elsewhere = [], []
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def files(self) -> dict[str, bytes]:
        """What the newest commit holds."""
        return self.commits.setdefault(self.commit, {})

    @property
    def fetched(self) -> list[tuple[str, str | None]]:
        """(path in the repository, Range) of the requests for the bytes of files."""
        return [
            (path.partition("/resolve/")[2].partition("/")[2], span)
            for method, path, span in self.asked
            if method == "GET" and "/resolve/" in path
        ]

    def describe(self, commit: str) -> dict:
        """What the hub tells of the repository at a commit."""
        siblings = []
        for path, data in self.commits[commit].items():
            file = {"rfilename": path, "size": len(data), "blobId": git_id(data)}
            if path.endswith(LARGE):
                sha256 = hashlib.sha256(data).hexdigest()
                file["lfs"] = {"size": len(data), "sha256": sha256, "pointerSize": 134}
            siblings.append(file)
        return {"id": self.name, "sha": commit, "siblings": siblings}


def git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        hub, span = self.server, self.headers.get("Range")
        url = urlsplit(self.path)
        hub.asked.append((self.command, url.path, span))
        self.close_connection = True
        token = self.headers.get("Authorization")
        if url.path.startswith("/elsewhere/"):
            hub.tokens_elsewhere.append(token)
            path = unquote(url.path.removeprefix("/elsewhere/"))
            return self.send_file(path, hub.files[path], span)
        if hub.page:
            return self.answer(200, {"Content-Type": "text/html"}, hub.page)
        if hub.refusal and not (hub.token and token == f"Bearer {hub.token}"):
            status, code, message = hub.refusal
            said = {"X-Error-Code": code, "X-Error-Message": message}
            return self.answer(status, {key: text for key, text in said.items() if text})
        commits = {"main": hub.commit} | {commit: commit for commit in hub.commits}
        for revision, commit in commits.items():
            if url.path == f"/api/models/{hub.name}/revision/{revision}":
                return self.answer(200, {}, json.dumps(hub.describe(commit)).encode())
        name, _, rest = url.path.strip("/").removeprefix("api/models/").partition("/re")
        if name != hub.name:
            return self.answer(404, {"X-Error-Code": "RepoNotFound"})
        revision, _, path = unquote(rest.partition("/")[2]).partition("/")
        if revision not in commits:
            return self.answer(404, {"X-Error-Code": "RevisionNotFound"})
        commit = commits[revision]
        data = hub.commits[commit].get(path)
        if data is None:
            return self.answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        if self.command == "HEAD":
            return self.send_about(path, data, commit)
        return self.send_file(path, data, span)

    do_HEAD = do_GET

    def send_about(self, path, data, commit):
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_id(data)}"'}
        if not path.endswith(LARGE):
            return self.answer(200, headers, data)
        headers |= {
            "X-Linked-Size": str(len(data)),
            "X-Linked-ETag": f'"{hashlib.sha256(data).hexdigest()}"',
        }
        elsewhere = self.server.elsewhere
        if elsewhere is None:
            return self.answer(200, headers, data)
        return self.answer(302, headers | {"Location": f"{elsewhere}/elsewhere/{path}"})

    def send_file(self, path, data, span):
        hub = self.server
        data = hub.served.get(path, data)
        step = "serve"
        if path.endswith(LARGE):
            step = hub.steps.pop(0) if len(hub.steps) > 1 else hub.steps[0]
        if isinstance(step, int):
            return self.answer(step, {})
        if step == "page":
            return self.answer(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><p>Sign in")
        start = int((span or "bytes=0-")[6:-1])
        whole = f"bytes {start}-{len(data) - 1}/{len(data)}"
        half = (len(data) - start) // 2 if step in ("cut", "stall") else None
        self.answer(
            206 if start else 200, {"Content-Range": whole} if start else {}, data[start:], half
        )
        if step == "stall":
            self.wfile.flush()
            hub.release.wait(60)

    def answer(self, status, headers, data=b"", sent=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")  # or clients would ask through a closed one
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:sent])

    def log_message(self, *_):
        pass


@contextmanager
def run_hub(name: str, commit: str) -> Iterator[FakeHub]:
    """A hub that answers until the context ends."""
    with FakeHub(name, commit) as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            hub.release.set()
            hub.shutdown()
            thread.join()
