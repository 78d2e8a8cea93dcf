"""What the server answers and refuses, and that it survives anything."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from viz.kit.demo import demo
from viz.kit.serving import ask, raw, served

from tinygrad_cnn.viz.kit.page import Page, document
from tinygrad_cnn.viz.kit.server import Handler, LocalServer, Refused, policy, serve

SIZE = {"X_Width": "60", "X_Height": "100"}
INK = bytes(3000) + bytes([255]) * 3000


def drawn(request: Handler) -> int:
    """How many bytes of a picture are not zero."""
    width, height = (request.number(name, 1, 1024) for name in ("X-Width", "X-Height"))
    pixels = request.body(1024 * 1024)
    if len(pixels) != width * height:
        raise Refused(400, f"{width} x {height} pixels are {width * height} bytes, got {len(pixels)}")
    if not any(pixels):
        raise Refused(422, "nothing is drawn there")
    return len(pixels) - pixels.count(0)


def kept(request: Handler) -> dict[str, int]:
    return {"label": request.number("X-Label", 0, 9), "ink": drawn(request)}


def fail(_request: Handler) -> None:
    raise KeyError("secret")


@pytest.fixture
def server() -> Iterator[Any]:
    with served(
        LocalServer(
            document("A page", "<p>page</p>", scripts=["go()"]), {"/predict": drawn, "/keep": kept, "/fail": fail}
        )
    ) as one:
        yield one


def predict(server: Any, **headers: str) -> tuple[int, Any, dict[str, str]]:
    return ask(server, "POST", "/predict", INK, **{**SIZE, **headers})


def test_it_listens_on_this_machine_alone(server: Any) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, server.server_port), timeout=2).close()


def test_names_of_other_hosts_and_foreign_pages_are_refused(server: Any) -> None:
    port = server.server_port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.1.:{port}",
        "",
    ):
        assert ask(server, "GET", "/", Host=host)[0] == 403, host
        assert predict(server, Host=host)[0] == 403, host
    assert ask(server, "GET", "/", Host=f"LOCALHOST:{port}")[0] == 200
    assert raw(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 403 ")
    two = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n"
    assert raw(server, two.encode()).startswith(b"HTTP/1.0 403 ")
    for origin in (
        "null",
        "http://evil.example",
        f"https://127.0.0.1:{port}",
        "http://127.0.0.1",
        f"http://[::1]:{port}",
    ):
        assert predict(server, Origin=origin)[0] == 403, origin
    assert predict(server, Origin=f"http://localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (400, {"X_Width": "61"}),
        (400, {"X_Width": "0"}),
        (400, {"X_Width": "-60"}),
        (400, {"X_Width": "6e1"}),
        (400, {"X_Width": "٦٠"}),
        (400, {"X_Width": " "}),
        (400, {"X_Width": "1025"}),
        (400, {"X_Height": "9" * 5000}),
        (415, {"Content_Type": "image/png"}),
        (415, {"Content_Type": "application/x-www-form-urlencoded"}),
        (413, {"Content_Length": str(100_000_000)}),
        (413, {"Content_Length": "9" * 5000}),
        (400, {"Content_Length": "-1"}),
        (400, {"Content_Length": "6000.0"}),
        (411, {"Transfer_Encoding": "chunked"}),
    ],
)
def test_what_is_no_drawing_is_refused(server: Any, status: int, changes: dict[str, str]) -> None:
    try:
        changes = {name: value.encode("utf-8").decode("latin-1") for name, value in changes.items()}
        got, answer, _ = predict(server, **changes)
    finally:
        assert predict(server)[0] == 200
    assert got == status
    assert list(answer) == ["error"]
    assert len(answer["error"]) > 10


def test_two_ways_to_say_how_much_comes_are_one_too_many(server: Any) -> None:
    """Chunks beside a length: whoever stands between might count otherwise."""
    size = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in SIZE.items())
    start = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n{size}"
    both = f"Content-Length: {len(INK)}\r\nTransfer-Encoding: chunked\r\n"
    lines = f"{start}Content-Type: application/octet-stream\r\n{both}\r\n"
    assert raw(server, lines.encode() + INK).startswith(b"HTTP/1.0 411 ")


def test_other_refusals(server: Any) -> None:
    assert ask(server, "POST", "/predict", bytes(6000), **SIZE)[0] == 422, "nothing is drawn there"
    assert ask(server, "POST", "/predict", b"\x89PNG\r\n\x1a\n" * 9, **SIZE)[0] == 400, "another number of bytes"
    for label in ("", "10", "-1", "seven"):
        assert ask(server, "POST", "/keep", INK, **SIZE, X_Label=label)[0] == 400
    assert predict(server)[0] == 200, "without a label it is not kept"
    assert ask(server, "POST", "/keep", INK, **SIZE)[0] == 400
    for method, path in (("PUT", "/"), ("DELETE", "/keep"), ("POST", "/"), ("GET", "/keep"), ("OPTIONS", "/predict")):
        status, _, headers = ask(server, method, path)
        assert (status, headers["allow"]) == (405, "GET" if path == "/" else "POST")
    assert "access-control-allow-origin" not in predict(server)[2]


def test_a_hundred_megabytes_are_refused_before_they_are_read(server: Any) -> None:
    """The answer is there at once, and it can be read although the client goes on sending."""
    head = (
        f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Type: application/octet-stream\r\n"
    )
    head += "X-Width: 1000\r\nX-Height: 1000\r\nContent-Length: 100000000\r\n\r\n"
    assert raw(server, head.encode(), close=False).startswith(b"HTTP/1.0 413 "), "no byte of the body was waited for"
    block, sent, server.patience = bytes(1 << 20), 0, 60.0
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(head.encode())
        for _ in range(95):
            sent += client.send(block)
        assert client.recv(12) == b"HTTP/1.0 413"
    assert predict(server)[0] == 200


def test_slow_clients_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may stop in the middle, or send a byte now and then: its time is up all the same."""
    monkeypatch.setattr(LocalServer, "patience", 0.2)
    with served(LocalServer("", {"/predict": drawn})) as server:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
        full = f"{head}Content-Type: application/octet-stream\r\n"
        full += "X-Width: 60\r\nX-Height: 100\r\nContent-Length: 6000\r\n\r\n"
        assert raw(server, f"{full}abc".encode(), close=False).startswith(b"HTTP/1.0 408 ")
        assert raw(server, head.encode(), close=False).startswith(b"HTTP/1.0 4")
        assert raw(server, b"POST /pre", close=False).startswith(b"HTTP/1.0 400 ")
        assert raw(server, b"", close=False) == b""
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
            client.sendall(full.encode())
            until = time.monotonic() + 60
            with pytest.raises(OSError):  # noqa: PT012
                while time.monotonic() < until:
                    client.sendall(b"a")
                    time.sleep(0.02)
        server.patience = 60.0
        assert raw(server, f"{full}abc".encode(), close=True).startswith(b"HTTP/1.0 400 "), "not slow, but short"
        assert predict(server)[0] == 200
        until = time.monotonic() + 60
        while server.ends and time.monotonic() < until:
            time.sleep(0.01)
        assert not server.ends, "nothing is kept of those that have gone"


def test_a_crowd_is_sent_away(server: Any) -> None:
    """Connections beyond the limit are closed at once; those within it have their time, and then there is room."""
    server.crowd, server.patience = 5, 60.0
    waiting = [socket.create_connection(("127.0.0.1", server.server_port), timeout=20) for _ in range(5)]
    assert raw(server, b"", close=False) == b"", "long before anybody's time is up"
    for one in waiting:
        one.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert one.recv(12) == b"HTTP/1.0 200"
        one.close()
    until = time.monotonic() + 60
    while server.ends and time.monotonic() < until:
        time.sleep(0.01)
    assert predict(server)[0] == 200


def mess(rng: np.random.Generator, port: int) -> bytes:
    """A good request with one to three things wrong in it, then perhaps cut short or damaged; or no request at all."""
    if rng.random() < 0.1:
        return rng.bytes(int(rng.integers(1, 3000)))
    method, path, version = "POST", str(rng.choice(["/predict", "/predict", "/keep", "/forget"])), "HTTP/1.1"
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Content-Type": "application/octet-stream",
        "Content-Length": "6000",
        "X-Width": "60",
        "X-Height": "100",
        "X-Label": "7",
    }
    odd = {
        "Host": ["evil.example", "", f"127.0.0.1:{port}, evil.example", "\xe9"],
        "Content-Type": ["application/json", "image/png", "", "multipart/form-data; boundary=x"],
        "Content-Length": ["6001", "5999", "0", "-1", "1e3", "100000000", "9" * 30, "0x10", "6000, 6000", "", "\xb2"],
        "X-Width": ["0", "-60", "1e9", "100000", "\xbd", "61"],
        "X-Height": ["nan", "", "\xe9", "50"],
        "X-Label": ["77", "x", "-0", "7; DROP TABLE"],
        "Transfer-Encoding": ["chunked", "gzip, chunked"],
        "Origin": ["http://evil.example", "null"],
        "Expect": ["100-continue"],
    }
    odd_lines = [
        "no colon",
        ": no name",
        " folded",
        "X: " + "y" * 70000,
        "Host: again",
        "A: b\r\n\r\nC: d",
        "\x00: \x00",
    ]
    body, lines = INK, []
    for fault in rng.integers(0, 8, size=rng.integers(1, 4)):
        name = str(rng.choice(list(odd)))
        if fault < 3:
            headers[name] = str(rng.choice(odd[name]))
        elif fault == 3:
            headers.pop(name, None)
        elif fault == 4:
            method = str(rng.choice(["GET", "PUT", "HEAD", "get", "BREW", "", "\x00", "CONNECT"]))
        elif fault == 5:
            path = str(
                rng.choice(["/", "/../../etc/passwd", "/x" * 40, "/%00", "?", "", "//evil.example/predict", "/\xff"])
            )
        elif fault == 6:
            version = str(rng.choice(["HTTP/9.9", "HTTP/x", "FTP/1.0", "", "HTTP/1.1 HTTP/1.1", "HTTP/0.9"]))
        else:
            lines = [str(rng.choice(odd_lines))] if rng.random() < 0.8 else [f"X-{i}: {i}" for i in range(150)]
        body = [body, bytes(6000), rng.bytes(100), b'{"image": [', b"\x89PNG\r\n\x1a\n", b""][rng.integers(6)]
    end = str(rng.choice(["\r\n", "\r\n", "\r\n", "\n", "\r"]))
    lines = [f"{method} {path} {version}", *lines, *(f"{name}: {value}" for name, value in headers.items())]
    request = bytearray((end.join(lines) + end + end).encode("latin-1") + body)
    if rng.random() < 0.1:
        return bytes(request[: rng.integers(1, len(request))])
    if rng.random() < 0.1:
        for at in rng.integers(0, min(len(request), 300), size=5):
            request[at] = rng.integers(256)
    return bytes(request)


def test_a_thousand_malformed_requests(server: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Each gets a clear 4xx in JSON, if the client stays to hear it (or a 200, where chance made a good one)."""
    rng = np.random.default_rng(7)
    statuses: dict[int, int] = {}
    for i in range(1000):
        content = mess(rng, server.server_port)
        if i % 10 == 0:  # gone before the answer
            with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
                client.sendall(content)
            continue
        answer = raw(server, content)
        found = re.match(rb"HTTP/1\.0 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*)", answer, re.DOTALL)
        if not found:
            assert answer == b"", (content, answer)  # what asks for nothing: an empty line, say
            assert not content.split(b"\n")[0].strip(), content
            statuses[0] = statuses.get(0, 0) + 1
            continue
        status = int(found[1])
        statuses[status] = statuses.get(status, 0) + 1
        assert status == 200 or 400 <= status < 500, (content, answer)
        if status != 200:
            assert list(json.loads(found[3])) == ["error"], (content, answer)
            assert b"Traceback" not in answer
    assert statuses.get(200, 0) < 100, statuses
    assert statuses.get(0, 0) < 20, statuses
    print(statuses)
    assert {400, 403, 404, 405, 411, 413, 415, 422} <= set(statuses)
    assert predict(server)[0] == 200
    assert ask(server, "GET", "/")[0] == 200
    written = capfd.readouterr()
    assert "Traceback" not in written.err, written.err


def test_a_mistake_of_ours_stays_in_the_terminal(server: Any, capfd: pytest.CaptureFixture[str]) -> None:
    status, answer, _ = ask(server, "POST", "/fail")
    assert status == 500
    assert "secret" not in str(answer)
    assert "secret" in capfd.readouterr().err
    assert predict(server)[0] == 200


def test_the_page_and_nothing_else_is_served(server: Any) -> None:
    status, content, headers = ask(server, "GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<p>page</p>" in content
    assert b"http-equiv" not in content, "the header says what it may do, and allows questions"
    allowed = headers["content-security-policy"]
    assert "default-src 'none'" in allowed
    assert "frame-ancestors 'none'" in allowed
    assert "unsafe" not in allowed
    assert headers["x-content-type-options"] == "nosniff"
    assert "Python" not in headers["server"]
    for path in (
        "/index.html",
        "/..",
        "/%2e%2e/server.py",
        "//etc/passwd",
        "/?",
        "/predict/",
        "http://a.example/",
        "*",
    ):
        for method in ("GET", "POST"):
            assert ask(server, method, path, Host=f"127.0.0.1:{server.server_port}")[0] == 404, path


def test_the_policy_names_what_stands_in_the_page() -> None:
    one, other = policy(document("", "", scripts=["go()"])), policy(document("", "", scripts=["stop()"]))
    assert one != other
    assert one.split("style-src")[1] == other.split("style-src")[1]
    assert "script-src 'none'" in policy("<script type='application/json'>{}</script>"), "data is no script"
    assert "frame-ancestors http://localhost:*" in policy("", framed=True)


def test_questions_and_answers() -> None:
    def loss(data: Any) -> Any:
        if data == "no":
            raise Refused(422, "there is no such step")
        return {"twice": np.array([2.0, np.nan]) * data["x"], "count": np.int64(3), "most": -np.inf}

    with serve(Page(demo()), {"/loss": loss}) as service:
        server = service._server

        def question(body: bytes, kind: str = "application/json") -> tuple[int, Any]:
            return ask(server, "POST", "/loss", body, Content_Type=kind)[:2]

        assert question(b'{"x": 21}') == (200, {"twice": [42.0, "NaN"], "count": 3, "most": "-inf"})
        assert question(b'"no"') == (422, {"error": "there is no such step"})
        assert question(b"{") == (400, {"error": "what was sent is no JSON"})
        assert question(b"[" * 100_000)[0] == 400
        assert question(b"\xff")[0] == 400
        assert question(b"{}", "text/plain")[0] == 415, "what a form of a foreign page could send"
        assert question(b"1" * ((1 << 20) + 1))[0] == 413
        assert service.address in service._repr_html_()
    service.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.server_port), timeout=2).close()
    for path in ("loss", "/"):
        with pytest.raises(ValueError, match="a path begins with"):
            serve("", {path: loss})
