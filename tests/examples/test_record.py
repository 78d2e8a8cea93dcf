"""The record recipe: it learns, its small net is small, and a run that was stopped goes on to the same end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from examples.recipes import load
from tinygrad_cnn.data.mnist import Digits

SMALL = ["--net", "small", "--quick"]


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, digits: Digits) -> Any:
    pytest.importorskip("matplotlib", reason="the recipe draws its curves with matplotlib")
    monkeypatch.setattr(tg.data, "load_mnist", lambda *_args, **_kwargs: digits)
    return load("record")


def test_the_small_net_is_small(recipe: Any) -> None:
    counts = {name: sum(p.numel() for p in recipe.make_net(*net).parameters()) for name, net in recipe.NETS.items()}
    assert counts["small"] < 20_000 < counts["best"]


def test_it_learns_and_saves_the_net_that_was_tested(
    recipe: Any, digits: Digits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = recipe.main([*SMALL, "--out", str(tmp_path)])
    assert result["accuracy"] > 0.7
    assert capsys.readouterr().out.endswith(f"test accuracy: {result['accuracy']:.2%}\n")
    kinds = ("curves.png", "mistakes.png", "safetensors")
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"small-mnist-0.{kind}" for kind in kinds]

    net = recipe.make_net(*recipe.NETS["small"])
    net.load_state_dict(tg.load(tmp_path / "small-mnist-0.safetensors"))
    net.eval()
    images, labels = digits.test.arrays()
    with tg.no_grad():
        right = net(tg.tensor(images)).argmax(1).numpy() == labels
    assert np.mean(right) == pytest.approx(result["accuracy"])


def test_a_stopped_run_goes_on_to_the_same_end(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipe, "HELD_OUT", 500)
    whole = recipe.main([*SMALL, "--validate", "--out", str(tmp_path / "whole")])
    assert "validation accuracy" in capsys.readouterr().out

    in_parts = [*SMALL, "--validate", "--out", str(tmp_path / "parts")]
    save = tg.train.Checkpoint.on_epoch_end

    def save_and_stop(self: Any, trainer: Any, logs: Any) -> None:
        save(self, trainer, logs)
        trainer.stop("the test says so")

    with monkeypatch.context() as patch:
        patch.setattr(tg.train.Checkpoint, "on_epoch_end", save_and_stop)
        with pytest.raises(SystemExit, match="--resume goes on"):
            recipe.main(in_parts)
    assert [file.name for file in (tmp_path / "parts").iterdir()] == ["small-mnist-0.training.safetensors"]
    assert recipe.main([*in_parts, "--resume"]) == whole
    one, other = (tg.load(tmp_path / part / "small-mnist-0.safetensors") for part in ("whole", "parts"))
    for name, values in one.items():
        np.testing.assert_array_equal(values.numpy(), other[name].numpy(), err_msg=name)
