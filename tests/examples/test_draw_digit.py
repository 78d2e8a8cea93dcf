"""The server of the drawing page: its routes, what it refuses, that it survives anything; models and kept drawings."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples.serving import ask, example, raw, served

import tinygrad_cnn as tg

STROKE = np.zeros((100, 60), np.uint8)
STROKE[20:80, 25:35] = 255
SIZE = {"X_Width": "60", "X_Height": "100"}


@pytest.fixture(scope="module")
def module() -> Any:
    return example("draw_digit")


@pytest.fixture(scope="module")
def reader(module: Any) -> Any:
    tg.manual_seed(0)
    return module.Reader(example("mnist_cnn").LeNet())  # what it says does not matter here


@pytest.fixture
def server(module: Any, reader: Any, tmp_path: Path) -> Iterator[Any]:
    with served(module.make_server(reader, module.Drawings(tmp_path / "kept" / "drawings.csv", "Zoë K"))) as one:
        yield one


def predict(server: Any, **headers: str) -> tuple[int, Any, dict[str, str]]:
    return ask(server, "POST", "/predict", STROKE.tobytes(), **{**SIZE, **headers})


# -------------------------------------------------------------------------------------------------------------- answers
def test_the_page_and_nothing_else_is_served(server: Any) -> None:
    kinds = {"/": "text/html", "/style.css": "text/css", "/script.js": "text/javascript"}
    for path, kind in kinds.items():
        status, content, headers = ask(server, "GET", path)
        assert (status, headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert b"://" not in re.sub(rb"//[^\n]*", b"", content) if path == "/" else content, "no file from elsewhere"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "Python" not in headers["server"]
    tricks = [
        "/index.html", "/draw_digit.py", "/.", "/..", "/../draw_digit.py", "/%2e%2e/draw_digit.py", "/style.css/",
        "/./style.css", "/style.css?x", "/style.css%00", "/STYLE.CSS", "/..\\draw_digit.py", "/etc/passwd",
        "//etc/passwd", "/%2fetc%2fpasswd", "http://example.org/", "/predict/", "/keep/../", "*",
    ]  # fmt: skip
    for path in tricks:
        for method in ("GET", "POST"):
            assert ask(server, method, path, Host=f"127.0.0.1:{server.server_port}")[0] == 404, path


def test_a_prediction(server: Any, reader: Any) -> None:
    status, answer, headers = predict(server)
    assert status == 200
    assert headers["content-type"] == "application/json; charset=utf-8"
    seen = tg.data.center_digit(STROKE)
    x = tg.tensor((seen / 255).astype(np.float32)[None, None])
    expected = tg.nn.functional.softmax(reader.model(x), 1).numpy()[0]
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)
    pixels = {name: base64.b64decode(answer[name]) for name in ("picture", "maps", "cam")}
    np.testing.assert_array_equal(np.frombuffer(pixels["picture"], np.uint8).reshape(28, 28), seen)
    maps = np.frombuffer(pixels["maps"], np.int8).reshape(answer["shape"])
    own = tg.viz.feature_maps(reader.model, x, "features.0")[0]
    np.testing.assert_allclose(maps * abs(own).max() / 127, own, atol=abs(own).max() / 250)
    cam = np.frombuffer(pixels["cam"], np.uint8).reshape(28, 28)
    assert not cam[:4].any()
    assert not cam[-4:].any()


def test_grad_cam_lies_where_the_pixels_are(module: Any) -> None:
    """A model that sees brightness alone: the map must lie on the bright pixels."""
    model = example("mnist_cnn").LeNet()
    for parameter in model.parameters():
        parameter.data[...] = 0
    model.features[0].weight.data[0, 0, 2, 2] = 1
    model.features[3].weight.data[0, 0, 2, 2] = 1
    model.classifier[1].weight.data[:] = 1
    model.classifier[3].weight.data[:] = 1
    digit = np.zeros((28, 28), np.uint8)
    digit[8:10, 18:20] = 255
    cam = np.frombuffer(base64.b64decode(module.Reader(model).read(digit)["cam"]), np.uint8).reshape(28, 28)
    rows, columns = np.indices((28, 28))
    assert np.average(rows, weights=cam) == pytest.approx(8.5, abs=0.1)
    assert np.average(columns, weights=cam) == pytest.approx(18.5, abs=0.1)


def test_drawings_are_kept_and_load_again(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "drawings.csv"
    for count, label in enumerate((7, 0), 1):
        status, answer, _ = ask(server, "POST", "/keep", STROKE.tobytes(), **SIZE, X_Label=str(label))
        assert (status, answer["count"], answer["file"]) == (200, count, str(path))
    assert answer["id"] == "Zoë_K-0001"
    kept = tg.data.load_drawn_csv(path)
    assert list(kept.targets) == [7, 0]
    np.testing.assert_array_equal(kept.data, [tg.data.center_digit(STROKE)] * 2)
    for wrong in (b"", b"Zo\xff", b"Zo\xc3\xab_K-0002", b"id", b"x" * 100):
        assert ask(server, "POST", "/forget", wrong)[0] == 404 if wrong else 411
    status, answer, _ = ask(server, "POST", "/forget", "Zoë_K-0000".encode())
    assert (status, answer["count"]) == (200, 1)
    assert ask(server, "POST", "/forget", "Zoë_K-0000".encode())[0] == 404, "it is gone"
    assert tg.data.load_drawn_csv(path).ids == ["Zoë_K-0001"]


def test_only_drawings_of_this_run_are_taken_back(module: Any, reader: Any, tmp_path: Path) -> None:
    path = tmp_path / "drawings.csv"
    (other,) = tg.data.save_drawn_csv(path, tg.data.center_digit(STROKE), 1, author="me")
    with served(module.make_server(reader, module.Drawings(path, "me"))) as server:
        assert ask(server, "POST", "/forget", other.encode())[0] == 404
        status, answer, _ = ask(server, "POST", "/keep", STROKE.tobytes(), **SIZE, X_Label="1")
        assert (status, answer["id"], answer["count"]) == (200, "me-0001", 2)


# ------------------------------------------------------------------------------------------------------------- refusals
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


def test_other_refusals(server: Any) -> None:
    assert ask(server, "POST", "/predict", bytes(6000), **SIZE)[0] == 422, "nothing is drawn there"
    assert ask(server, "POST", "/predict", b"\x89PNG\r\n\x1a\n" * 9, **SIZE)[0] == 400, "another number of bytes"
    for label in ("", "10", "-1", "seven"):
        assert ask(server, "POST", "/keep", STROKE.tobytes(), **SIZE, X_Label=label)[0] == 400
    assert predict(server)[0] == 200, "without a label it is not kept"
    assert ask(server, "POST", "/keep", STROKE.tobytes(), **SIZE)[0] == 400
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
    block, sent = bytes(1 << 20), 0
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(head.encode())
        for _ in range(95):
            sent += client.send(block)
        assert client.recv(12) == b"HTTP/1.0 413"
    assert predict(server)[0] == 200


def test_slow_clients_come_to_an_end(module: Any, reader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may stop in the middle, or send a byte now and then: its time is up all the same."""
    local = example("local_server")
    monkeypatch.setattr(local.LocalServer, "patience", 0.4)
    drawings = module.Drawings(tmp_path / "drawings.csv", "me")
    with served(module.make_server(reader, drawings)) as server:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
        full = f"{head}Content-Type: application/octet-stream\r\n"
        full += "X-Width: 60\r\nX-Height: 100\r\nContent-Length: 6000\r\n\r\n"
        assert raw(server, f"{full}abc".encode(), close=False).startswith(b"HTTP/1.0 408 ")
        assert raw(server, f"{full}abc".encode(), close=True).startswith(b"HTTP/1.0 400 "), "not slow, but short"
        assert raw(server, head.encode(), close=False).startswith(b"HTTP/1.0 4")
        assert raw(server, b"POST /pre", close=False).startswith(b"HTTP/1.0 400 ")
        assert raw(server, b"", close=False) == b""
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
            client.sendall(full.encode())
            start = time.monotonic()
            with pytest.raises(OSError):  # noqa: PT012
                while time.monotonic() < start + 20:
                    client.sendall(b"a")
                    time.sleep(0.02)
            assert time.monotonic() < start + 15
        assert predict(server)[0] == 200
        until = time.monotonic() + 10
        while server.ends and time.monotonic() < until:
            time.sleep(0.01)
        assert not server.ends, "nothing is kept of those that have gone"


def test_a_crowd_is_sent_away(server: Any) -> None:
    """Connections beyond the limit are closed at once; those within it have their time, and then there is room."""
    server.crowd, server.patience = 5, 60.0
    waiting = [socket.create_connection(("127.0.0.1", server.server_port), timeout=20) for _ in range(5)]
    assert raw(server, b"", close=False) == b"", "long before anybody's time is up"
    for one in waiting:
        one.sendall(f"GET /style.css HTTP/1.0\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        assert one.recv(12) == b"HTTP/1.0 200"
        one.close()
    until = time.monotonic() + 10
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
    body, lines = STROKE.tobytes(), []
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


def test_a_thousand_malformed_requests(server: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
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
    path = tmp_path / "kept" / "drawings.csv"
    assert not path.exists() or set(tg.data.load_drawn_csv(path).targets) == {7}


def test_a_mistake_of_ours_stays_in_the_terminal(
    server: Any, reader: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_digit: Any) -> Any:
        raise KeyError("secret")

    monkeypatch.setattr(reader, "read", fail)
    status, answer, _ = predict(server)
    assert status == 500
    assert "secret" not in str(answer)
    assert "secret" in capfd.readouterr().err
    monkeypatch.undo()
    assert predict(server)[0] == 200


# --------------------------------------------------------------------------------------------------------------- models
def test_models_are_found_trained_and_refused(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "STEPS", 2)
    monkeypatch.setattr(module.train, "__defaults__", (2,))
    images = np.random.default_rng(0).integers(0, 256, (80, 28, 28)).astype(np.uint8)
    digits = tg.data.mnist.ImageDataset(images, np.arange(80) % 10, tuple("0123456789"), "noise")
    found = tg.data.mnist.Digits(digits, digits, "noise made by a test")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: found)

    first = module.find_model()
    assert "noise made by a test" in capsys.readouterr().out
    again = module.find_model()
    assert capsys.readouterr().out == "model: runs/draw_digit/model.safetensors\n".replace("/", module.os.sep)
    for one, other in zip(first.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())

    runs = Path("runs/mnist")
    runs.mkdir()
    mine = example("mnist_cnn").LeNet()
    tg.save({"model": mine.state_dict(), "history": []}, runs / "mine.safetensors")  # as mnist_cnn.py --save does
    (runs / "torn.safetensors").write_bytes(b"torn")
    loaded = module.find_model()
    assert "passing over" in capsys.readouterr().out
    np.testing.assert_array_equal(loaded.classifier[3].bias.numpy(), mine.classifier[3].bias.numpy())
    np.testing.assert_array_equal(
        module.load(runs / "mine.safetensors").features[0].weight.numpy(), mine.features[0].weight.numpy()
    )

    tg.save({"weight": np.ones(3)}, tmp_path / "other.safetensors")
    tg.save([1, 2], tmp_path / "list.safetensors")
    for name in ("other", "list"):
        with pytest.raises(ValueError, match=rf"{name}\.safetensors holds no LeNet of mnist_cnn\.py"):
            module.find_model(tmp_path / f"{name}.safetensors")


def test_pens_change_the_digits_and_keep_their_range(module: Any) -> None:
    images = np.zeros((50, 1, 28, 28), np.float32)
    images[:, :, 8:20, 13:16] = 0.8
    changed = module.PenWidth()(images, np.random.default_rng(0))
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= np.float32(0.8)
    ink = changed.sum(axis=(1, 2, 3)) / images[0].sum()
    assert ink.min() < 0.8
    assert ink.max() > 1.4


def test_the_command_line_says_what_is_wrong(
    module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lenet = tmp_path / "lenet.safetensors"
    tg.save(example("mnist_cnn").LeNet().state_dict(), lenet)
    (tmp_path / "bad.csv").write_text("x\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, reason in (
            (["--model", "missing.safetensors"], "missing.safetensors"),
            (["--model", str(lenet), "--keep", "bad.csv"], "bad.csv"),
            (["--model", str(lenet), "--port", "70000"], "port"),
            (["--model", str(lenet), "--port", str(port)], "in use"),
        ):
            monkeypatch.setattr(sys, "argv", ["draw_digit.py", "--no-browser", *arguments])
            with pytest.raises(SystemExit, match=reason):
                module.main()
    local = example("local_server")
    monkeypatch.setattr(local.LocalServer, "serve_forever", lambda _self: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["draw_digit.py", "--no-browser", "--model", str(lenet), "--port", "0"])
    module.main()
    assert re.search(r"http://127\.0\.0\.1:\d+   \(Ctrl-C ends it\)", capsys.readouterr().out)
