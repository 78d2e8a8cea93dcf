"""download: complete and checked, or not there at all. The server is on this machine."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tinygrad_cnn.data.download import download

CONTENT = bytes(range(256)) * 1000
given_up = threading.Event()  # by the client of /slow


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            given_up.wait(60)
        if self.path == "/nonsense":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/short" else CONTENT)

    def log_message(self, *_: object) -> None:
        """Silence."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the client of /slow is expected to go
            super().handle_error(request, client_address)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def accept(_: Path) -> None:
    """A check that finds nothing wrong."""


@pytest.mark.parametrize("path", ["/file", "/unannounced"])
def test_arrives_whole_in_a_new_folder(server: str, tmp_path: Path, path: str, capsys: pytest.CaptureFixture) -> None:
    target = tmp_path / "new" / "folder" / "file"
    seen = []
    download(server + path, target, check=lambda p: seen.append(p.read_bytes()))
    assert target.read_bytes() == CONTENT
    assert seen == [CONTENT]
    assert [p.name for p in target.parent.iterdir()] == ["file"]
    assert capsys.readouterr().err == f"downloading {server}{path} to {target}\n"


@pytest.mark.parametrize(
    ("path", "error", "match"),
    [
        ("/missing", OSError, "404"),
        ("/short", ValueError, r"ended after 128,000 of 256,000 bytes"),
        ("/slow", OSError, "timed out"),
        ("/nonsense", OSError, "BadStatusLine"),
    ],
)
def test_failures_leave_the_old_file(server: str, tmp_path: Path, path: str, error: type, match: str) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    given_up.clear()
    with pytest.raises(error, match=match):
        download(server + path, target, check=accept, timeout=0.2 if path == "/slow" else 60, progress=False)
    given_up.set()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_fails_the_check_does_not_appear(server: str, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise ValueError(f"{path}: not the file")

    with pytest.raises(ValueError, match="not the file"):
        download(server + "/file", tmp_path / "file", check=refuse, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_too_much_is_stopped(server: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 100,000 bytes"):
        download(server + "/unannounced", tmp_path / "file", check=accept, max_bytes=100_000, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # a port of our own, on which nobody listens
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/file"
        with pytest.raises(OSError, match=r"refused|urlopen"):
            download(address, tmp_path / "file", check=accept, timeout=60, progress=False)
