"""The drawing page: what it answers, the drawings that it keeps, the models that it finds."""

from __future__ import annotations

import base64
import re
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples.serving import SIZE, STROKE, ask, example, predict, served

import tinygrad_cnn as tg
from tinygrad_cnn.viz.kit.server import LocalServer


def test_the_page_and_nothing_else_is_served(server: Any) -> None:
    status, content, headers = ask(server, "GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"://" not in content, "no file from elsewhere"
    assert "unsafe" not in headers["content-security-policy"]
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
        parameter.numpy()[...] = 0
    model.features[0].weight.numpy()[0, 0, 2, 2] = 1
    model.features[3].weight.numpy()[0, 0, 2, 2] = 1
    model.classifier[1].weight.numpy()[:] = 1
    model.classifier[3].weight.numpy()[:] = 1
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
    monkeypatch.setattr(LocalServer, "serve_forever", lambda _self: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["draw_digit.py", "--no-browser", "--model", str(lenet), "--port", "0"])
    module.main()
    assert re.search(r"http://127\.0\.0\.1:\d+   \(Ctrl-C ends it\)", capsys.readouterr().out)
