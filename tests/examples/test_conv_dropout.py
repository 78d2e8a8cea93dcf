"""The recipe of a convnet with dropout: it learns, on one thread, and keeps the test digits for the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import load
from tinygrad_cnn.data.mnist import Digits, ImageDataset


@pytest.fixture
def few(digits: Digits) -> Digits:
    train, test = (
        ImageDataset(part.data[:n], part.targets[:n], part.classes, "tests")
        for part, n in ((digits.train, 600), (digits.test, 200))
    )
    return Digits(train, test, "a few digits")


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, few: Digits) -> Iterator[Any]:
    pytest.importorskip("matplotlib", reason="the recipe draws its curves with matplotlib")
    module = load("conv_dropout")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: few)
    threads = tg.get_num_threads()
    yield module
    tg.set_num_threads(threads)  # the recipe has set it to one


def test_quick_learns_and_saves(
    recipe: Any, digits: Digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: digits)
    result = recipe.main(["--quick", "--out", str(tmp_path / "a" / "b")])
    out = capsys.readouterr().out.strip().splitlines()
    assert result["accuracy"] > 0.8
    assert out[0].startswith("digits: 5,000 digits of MNIST")
    assert re.match(r"800 steps of 10 digits in \d+\.\d s on one core: \d+\.\d\d ms each$", out[-3])
    assert out[-2].endswith(str(tmp_path / "a" / "b"))
    assert out[-1] == f"test accuracy: {result['accuracy']:.2%}"
    for name in ("curves.png", "filters.png"):
        assert (tmp_path / "a" / "b" / name).read_bytes().startswith(b"\x89PNG")

    net = recipe.make_net()
    net.load_state_dict(tg.load(tmp_path / "a" / "b" / "conv_dropout.safetensors"))
    net.eval()
    images, labels = digits.test.arrays()
    with tg.no_grad():
        assert np.mean(net(tg.tensor(images)).argmax(1).numpy() == labels) == pytest.approx(result["accuracy"])


def test_the_net_is_the_one_of_the_claim(recipe: Any) -> None:
    net = recipe.make_net()
    assert [tuple(p.shape) for p in net.parameters() if p.ndim > 1] == [(8, 1, 3, 3), (128, 1568), (64, 128), (10, 64)]
    kinds = "Conv2d ReLU MaxPool2d Flatten Linear ReLU Dropout Linear ReLU Dropout Linear"
    assert " ".join(type(layer).__name__ for layer in net) == kinds
    assert [layer.p for layer in net if isinstance(layer, tg.nn.Dropout)] == [0.25, 0.25]
    assert tuple(net(tg.zeros(10, 1, 28, 28)).shape) == (10, 10)


def test_the_rate_falls_from_a_tenth_to_nothing_or_stays(recipe: Any, tmp_path: Path) -> None:
    common = ["--epochs", "4", "--out", str(tmp_path)]
    np.testing.assert_allclose(recipe.main(common)["history"]["lr"], [0.1, 0.075, 0.05, 0.025])
    np.testing.assert_allclose(recipe.main([*common, "--fixed"])["history"]["lr"], [0.1] * 4)


def test_it_keeps_to_one_thread(recipe: Any, tmp_path: Path) -> None:
    tg.set_num_threads(2)
    recipe.main(["--epochs", "1", "--out", str(tmp_path)])
    assert tg.get_num_threads() == 1


def test_the_same_seed_gives_the_same_bits(recipe: Any, tmp_path: Path) -> None:
    nets = []
    for i, seed in enumerate("001"):
        recipe.main(["--epochs", "1", "--seed", seed, "--out", str(tmp_path / str(i))])
        nets.append(tg.load(tmp_path / str(i) / "conv_dropout.safetensors"))
    for name, value in nets[0].items():
        np.testing.assert_array_equal(value.numpy(), nets[1][name].numpy(), err_msg=name)
    assert (nets[0]["0.weight"].numpy() != nets[2]["0.weight"].numpy()).any()


class Shut:
    """Test digits that nobody may look at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the test digits were looked at: {name}")

    def __len__(self) -> int:
        raise AssertionError("the test digits were counted")


def test_holding_out_leaves_the_test_digits_alone(
    recipe: Any, few: Digits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: few._replace(test=Shut()))
    result = recipe.main(["--epochs", "2", "--hold-out", "100", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "100 steps of 10 digits" in out  # two epochs of the other 500
    assert out.strip().endswith(f"held-out accuracy: {result['accuracy']:.2%}")
    assert result["accuracy"] == result["history"]["val_accuracy"][-1]
    with pytest.raises(AssertionError, match="test digits were"):
        recipe.main(["--epochs", "1", "--out", str(tmp_path)])
