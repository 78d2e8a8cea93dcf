"""The flagship example: it trains, draws, prints its last line, and resumes to the same bits."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tinygrad_cnn.data.mnist import Digits, ImageDataset

EXAMPLE = Path(__file__).parents[2] / "examples" / "mnist_cnn.py"


def few_digits() -> Digits:
    """Ten kinds of blobs, 28x28: easy to tell apart."""
    rng = np.random.default_rng(0)
    targets = np.arange(400) % 10
    images = rng.integers(0, 60, (400, 28, 28)).astype(np.uint8)
    for image, label in zip(images, targets, strict=True):
        image[2 + 2 * label : 6 + 2 * label, 4:24] = 255
    parts = [
        ImageDataset(images[part], targets[part], tuple("0123456789"), "tests")
        for part in (slice(300), slice(300, 400))
    ]
    return Digits(*parts, "blobs made by a test")


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("matplotlib", reason="the example draws with matplotlib")
    spec = importlib.util.spec_from_file_location("mnist_cnn", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: few_digits())
    return module


def run(example: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist_cnn.py", *arguments])
    example.main()


def test_it_trains_and_draws(
    example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(example, monkeypatch, "--epochs", "5", "--batch-size", "20", "--out", str(tmp_path))
    out = capsys.readouterr().out.strip().splitlines()
    assert out[0] == "digits: blobs made by a test"
    last = re.fullmatch(r"test accuracy: (\d+\.\d\d)%", out[-1])
    assert last
    assert float(last[1]) > 90
    for name in ("learning_curves.png", "confusion_matrix.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_it_reports(
    example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine" / "report.html"
    run(example, monkeypatch, "--epochs", "2", "--batch-size", "20", "--out", str(tmp_path), "--report", str(path))
    assert f"report: {path}" in capsys.readouterr().out
    text = path.read_text()
    assert "LeNet on handwritten digits" in text
    assert "blobs made by a test" in text
    assert re.search(r"<td>2 epochs, [\d,]+ images/s</td>", text)
    assert text.count("<svg ") >= 11


def test_a_stopped_run_resumes_to_the_same_bits(example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    common = ["--epochs", "3", "--batch-size", "50", "--seed", "5", "--out", str(tmp_path)]
    whole, parts = tmp_path / "a new folder" / "whole.safetensors", tmp_path / "parts.safetensors"
    run(example, monkeypatch, *common, "--save", str(whole))

    train_epoch, epochs = example.train_epoch, []

    def stop_in_the_third(*args: Any) -> Any:
        epochs.append(1)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        return train_epoch(*args)

    monkeypatch.setattr(example, "train_epoch", stop_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(example, monkeypatch, *common, "--save", str(parts))
    monkeypatch.setattr(example, "train_epoch", train_epoch)
    run(example, monkeypatch, "--resume", str(parts), "--save", str(parts), "--out", str(tmp_path))

    a, b = tg.load(whole), tg.load(parts)
    assert len(a["history"]) == len(b["history"]) == 3
    for name, value in a["model"].items():
        np.testing.assert_array_equal(value.numpy(), b["model"][name].numpy(), err_msg=name)


def test_resume_takes_any_checkpoint_of_ours(
    example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a Trainer, a bare state_dict, and of --save; it says what it took, and what it ignores."""
    tg.manual_seed(0)
    model = example.LeNet()
    trainer = tg.train.Trainer(model, tg.optim.SGD(model.parameters(), lr=0.1), progress=False)
    images = np.random.default_rng(0).random((8, 1, 28, 28)).astype(np.float32)
    trainer.fit((images, np.arange(8)), 1)
    trainer.save(tmp_path / "trainer")
    tg.save(model.state_dict(), tmp_path / "weights")
    tg.save({"net": model.state_dict(), "note": "mine"}, tmp_path / "own names")
    names = ("optimizer", "scheduler", "random", "history", "settings")
    tg.save({"model": model.state_dict(), **dict.fromkeys(names, 1)}, tmp_path / "another script's")
    taken: list[Any] = []
    train_epoch = example.train_epoch

    def looking(model: Any, *args: Any) -> Any:
        taken.append({name: value.numpy().copy() for name, value in model.state_dict().items()})
        return train_epoch(model, *args)

    monkeypatch.setattr(example, "train_epoch", looking)
    common = ["--epochs", "1", "--batch-size", "100", "--out", str(tmp_path / "out")]
    for name, ignored in (
        ("trainer", "callbacks, epoch, history"),
        ("weights", ""),
        ("own names", "note"),
        ("another script's", "history, optimizer, random, scheduler, settings"),
    ):
        run(example, monkeypatch, *common, "--resume", str(tmp_path / name), "--save", str(tmp_path / "run"))
        for key, value in model.state_dict().items():
            np.testing.assert_array_equal(taken[-1][key], value.numpy())
        out = capsys.readouterr().out
        assert f"{tmp_path / name}: weights, to begin with" in out
        assert ("ignored in it: " in out) == bool(ignored)
        assert all(word in out for word in ignored.split(", "))
        assert len(tg.load(tmp_path / "run")["history"]) == 1

    state = tg.load(tmp_path / "run")
    tg.save({**state, "optimizer": tg.optim.Adam(model.parameters()).state_dict()}, tmp_path / "Adam")
    with pytest.raises(SystemExit, match=r"Adam is no run of this script: .* does not fit this SGD"):
        run(example, monkeypatch, "--resume", str(tmp_path / "Adam"), "--out", str(tmp_path / "out"))
    tg.save({**state, "mine": 3}, tmp_path / "run")
    run(example, monkeypatch, "--resume", str(tmp_path / "run"), "--lr", "0.5", "--out", str(tmp_path / "out"))
    out = capsys.readouterr().out
    assert "a run of this script\nignored in it: mine\nignored: --lr 0.5; the run has 0.1\n" in out
    assert "epoch 1/1" not in out  # it is complete


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nothing of ours", "no safetensors file"),
        ({"weight": np.zeros((2, 2), np.float32)}, "Missing key"),
        ([1, 2, 3], "list"),
        ({"model": {"weight": np.zeros(2)}, "epoch": 3}, "Missing key"),
        (None, "there is no file"),
    ],
)
def test_resume_refuses_a_foreign_file(
    content: Any, said: str, example: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "other"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        tg.save(content, path)
    with pytest.raises(SystemExit, match=f"(?s)--resume: .*other is no checkpoint of this network: .*{said}"):
        run(example, monkeypatch, "--resume", str(path), "--out", str(tmp_path))


def test_ctrl_c_ends_it_in_our_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def pressed(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("argparse.ArgumentParser.parse_args", pressed)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert caught.value.code == 130
    assert "--resume" in capsys.readouterr().err
