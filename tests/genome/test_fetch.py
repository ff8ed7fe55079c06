"""Fetching from a server that cuts, stalls, refuses, lies and changes its mind."""

import hashlib
import os
import socket
import threading

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.genome.fetch import FetchRecord, fetch, is_html

DATA = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out" / "file.bin"


def names_in(output):
    return sorted(path.name for path in output.parent.iterdir())


def assert_whole(output, data=DATA):
    assert output.read_bytes() == data
    assert names_in(output) == [output.name]


def test_fetches_and_records(server, output):
    server.data = DATA
    assert fetch(server.url, output) == FetchRecord(server.url, SHA256, len(DATA))
    assert_whole(output)


@pytest.mark.parametrize("as_url", [False, True])
def test_copies_a_local_file(tmp_path, output, as_url):
    source = tmp_path / "a file.bin"
    source.write_bytes(DATA)
    assert fetch(source.as_uri() if as_url else str(source), output).sha256 == SHA256
    assert_whole(output)


def test_an_empty_file_is_a_file(server, output):
    assert fetch(server.url, output).bytes == 0
    assert_whole(output, b"")


@pytest.mark.parametrize("step", ["cut", "stall"])
def test_resumes_where_the_connection_broke(server, output, no_wait, step):
    server.data, server.steps = DATA, [step, "serve"]
    fetch(server.url, output, f"sha256:{SHA256}", timeout_s=2 if step == "stall" else 60)
    assert_whole(output)
    assert server.seen == [None, f"bytes={len(DATA) // 2}-"]
    assert no_wait == [1.0]


def test_resumes_in_the_next_call_after_giving_up(server, output, no_wait):
    server.data, server.steps = DATA, ["cut", 503]
    with pytest.raises(BasewiseError, match=r"3 attempts in a row got no further; found HTTP 503"):
        fetch(server.url, output, retries=2)
    assert names_in(output) == ["file.bin.part", "file.bin.part.json"]
    server.steps = ["serve"]
    assert fetch(server.url, output).sha256 == SHA256
    assert server.seen[-1] == f"bytes={len(DATA) // 2}-"
    assert_whole(output)


def test_resumes_a_part_that_is_already_whole(server, output, no_wait):
    server.data, server.steps = DATA, ["cut", 503]
    with pytest.raises(BasewiseError):
        fetch(server.url, output, retries=0)
    (output.parent / "file.bin.part").write_bytes(DATA)  # as when killed before the rename
    server.steps = ["serve"]
    assert fetch(server.url, output).sha256 == SHA256
    assert server.seen[-1] == f"bytes={len(DATA) - 1}-"


def test_starts_over_when_the_server_ignores_ranges(server, output, no_wait):
    server.data, server.steps = DATA, ["cut", "ignore range"]
    assert fetch(server.url, output).sha256 == SHA256
    assert_whole(output)


@pytest.mark.parametrize("etag", ['"v2"', 'W/"v2"', None])
def test_never_splices_two_versions_of_a_file(server, output, no_wait, etag):
    server.data, server.steps = DATA, ["cut", 503]
    server.etag = etag and etag.replace("v2", "v1")
    with pytest.raises(BasewiseError):
        fetch(server.url, output, retries=0)
    server.data, server.etag, server.steps = b"other" * 50_000, etag, ["serve"]
    fetch(server.url, output)
    assert_whole(output, server.data)


def test_a_resumed_file_that_fails_its_checksum_is_fetched_again_whole(server, output, no_wait):
    server.data, server.steps, server.etag = DATA, ["cut", 503], None
    with pytest.raises(BasewiseError):
        fetch(server.url, output, retries=0)
    changed = DATA[::-1]  # same length, and a server that gives no version
    server.data, server.steps = changed, ["serve"]
    fetch(server.url, output, f"sha256:{hashlib.sha256(changed).hexdigest()}")
    assert_whole(output, changed)


def test_a_part_of_another_source_is_not_used(server, output, no_wait):
    server.data, server.steps = DATA, ["cut", 503]
    with pytest.raises(BasewiseError):
        fetch(server.url, output, retries=0)
    server.steps = ["serve"]
    fetch(server.url + "?other", output)
    assert server.seen[-1] is None
    assert_whole(output)


def test_server_errors_are_retried_with_growing_waits(server, output, no_wait):
    server.data, server.steps = DATA, [503, 500, 429, "serve"]
    fetch(server.url, output)
    assert_whole(output)
    assert no_wait == [1.0, 2.0, 4.0]


def test_a_body_cut_between_chunks_is_not_taken_for_whole(server, output, no_wait):
    server.data, server.steps = DATA, ["cut chunked", "serve"]
    assert fetch(server.url, output).sha256 == SHA256


def test_a_server_that_always_cuts_and_cannot_resume_ends(server, output, no_wait):
    server.data, server.steps, server.etag = DATA, ["cut chunked"], None
    with pytest.raises(BasewiseError, match="could not be fetched"):
        fetch(server.url, output, retries=2)
    assert len(server.seen) == 3
    assert not output.exists()


def test_nobody_listening_is_named(output, no_wait, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(BasewiseError, match="Connection refused"):
            fetch(url, output, retries=1)
    assert len(no_wait) == 1


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (401, "HTTP 401 Unauthorized"),
        (403, "HTTP 403 Forbidden. Is it open to everyone"),
        (404, "HTTP 404 Not Found. Check the URL"),
    ],
)
def test_a_refusal_is_final(server, output, no_wait, status, text):
    server.steps = [status]
    with pytest.raises(BasewiseError, match=text) as caught:
        fetch(server.url, output)
    assert server.url in str(caught.value)
    assert len(server.seen) == 1
    assert names_in(output) == []


@pytest.mark.parametrize(
    ("content_type", "page"),
    [
        ("text/html; charset=utf-8", b"<!-- login --><p>Sign in"),
        ("application/octet-stream", b"\n <!DOCTYPE HTML><html>"),
    ],
)
def test_a_web_page_is_refused(server, output, content_type, page):
    server.data, server.content_type = page, content_type
    with pytest.raises(BasewiseError, match="answers with a web page"):
        fetch(server.url, output)
    assert names_in(output) == []


def test_the_content_type_alone_makes_no_web_page():
    assert not is_html(b">chr1\nACGT", "text/html")
    assert not is_html(b"<svg>", "image/svg+xml")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_wrong_checksum_names_source_expected_and_found(server, output, algorithm):
    server.data = DATA
    good = hashlib.new(algorithm, DATA).hexdigest()
    fetch(server.url, output, f"{algorithm}:{good.upper()}")
    output.unlink()
    bad = "0" * len(good)
    with pytest.raises(BasewiseError) as caught:
        fetch(server.url, output, f"{algorithm}:{bad}")
    text = str(caught.value)
    assert server.url in text
    assert bad in text
    assert good in text
    assert "\n" not in text
    assert names_in(output) == []


def test_what_changed_under_a_checksum_is_refused_and_the_file_there_stays(server, output):
    server.data = DATA
    fetch(server.url, output, f"sha256:{SHA256}")
    server.data, server.etag = DATA[::-1], '"v2"'
    with pytest.raises(BasewiseError, match="The source has changed, or the checksum"):
        fetch(server.url, output, f"sha256:{SHA256}")
    assert_whole(output)


@pytest.mark.parametrize("checksum", ["sha1:" + "0" * 40, "sha256:abc", SHA256, "md5:" + "g" * 32])
def test_a_misspelt_checksum_downloads_nothing(server, output, checksum):
    with pytest.raises(BasewiseError, match="checksum is not understood"):
        fetch(server.url, output, checksum)
    assert server.seen == []


@pytest.mark.parametrize("source", ["s3://bucket/key", "http://", "no/such/file", "file:///none"])
def test_a_source_that_is_none(output, source):
    with pytest.raises(BasewiseError):
        fetch(source, output, retries=0)
    assert not output.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_clear_line(server, output):
    server.data = DATA
    output.parent.mkdir()
    (output.parent / "file.bin.part").symlink_to("/dev/full")
    with pytest.raises(BasewiseError, match="could not be written; found No space left") as caught:
        fetch(server.url, output)
    assert str(output) in str(caught.value)
    assert names_in(output) == []


def test_an_output_below_a_file_cannot_be_written(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BasewiseError, match="could not be written"):
        fetch(server.url, tmp_path / "file" / "x")


def test_verify_checksum_of_a_local_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(DATA)
    assert verify_checksum(path, None) == SHA256
    with pytest.raises(BasewiseError, match="not the expected file"):
        verify_checksum(path, "md5:" + "0" * 32)


@pytest.fixture
def ftp_server():
    """A very small FTP server of one file, which cuts the first transfer in half."""
    listener = socket.create_server(("127.0.0.1", 0))
    cuts, rests = [True], []

    def talk(control):
        with control, control.makefile("r", newline="\r\n") as lines:
            say = lambda text: control.sendall(text.encode() + b"\r\n")  # noqa: E731
            say("220 hello")
            rest, data_port = 0, None
            for line in lines:
                verb, _, argument = line.strip().partition(" ")
                if verb in ("SIZE", "RETR", "MDTM") and argument != "dir/file.bin":
                    say("550 no such file")
                elif verb == "SIZE":
                    say(f"213 {len(DATA)}")
                elif verb == "MDTM":
                    say("213 20240101000000")
                elif verb in ("EPSV", "PASV"):
                    data_port = socket.create_server(("127.0.0.1", 0))
                    port = data_port.getsockname()[1]
                    say(f"227 ok (127,0,0,1,{port >> 8},{port & 255})")
                elif verb == "REST":
                    rest = int(argument)
                    rests.append(rest)
                    say("350 ok")
                elif verb == "RETR":
                    say("150 here it comes")
                    with data_port, data_port.accept()[0] as data:
                        data.sendall(DATA[rest : len(DATA) // 2 if cuts and cuts.pop() else None])
                    say("226 done")
                else:
                    say("331 password" if verb == "USER" else "230 ok")

    def serve():
        while True:
            try:
                control = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=talk, args=(control,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"ftp://127.0.0.1:{listener.getsockname()[1]}/dir", rests
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_ftp_resumes_and_names_a_missing_file(ftp_server, output, no_wait):
    url, rests = ftp_server
    assert fetch(f"{url}/file.bin", output, timeout_s=5).sha256 == SHA256
    assert rests == [len(DATA) // 2]
    assert_whole(output)
    with pytest.raises(BasewiseError, match="FTP 550 no such file"):
        fetch(f"{url}/none.bin", output.with_name("none.bin"), timeout_s=5)
