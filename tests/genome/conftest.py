"""A web server on this machine that misbehaves as told, and files to serve."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Behaviour:
    """What the server does: one step per request, the last one again and again."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.data = b""
        self.steps = ["serve"]
        self.headers = {}
        self.etag = '"v1"'
        self.content_type = "application/octet-stream"
        self.seen = []  # Range header of each request
        self.release = threading.Event()

    @property
    def url(self):
        return f"{self.base_url}/file.bin"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        told = self.server.behaviour
        step = told.steps.pop(0) if len(told.steps) > 1 else told.steps[0]
        wanted = self.headers.get("Range")
        told.seen.append(wanted)
        self.close_connection = True
        if isinstance(step, int):
            self.send_response(step)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if wanted and step != "ignore range":
            guard = self.headers.get("If-Range")
            if guard in (None, told.etag):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        body = told.data[start:]
        self.send_response(206 if start else 200)
        if start:
            total = len(told.data)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if told.etag:
            self.send_header("ETag", told.etag)
        self.send_header("Content-Type", told.content_type)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if step == "cut chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(body) // 2, body[: len(body) // 2]))
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if step in ("cut", "stall"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if step == "stall":
                told.release.wait(60)
            return
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        running.behaviour = Behaviour(f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.behaviour
        running.behaviour.release.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def no_wait(monkeypatch):
    """Retries without their waits, which are recorded instead."""
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits
