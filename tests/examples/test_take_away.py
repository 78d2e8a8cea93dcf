"""The page to take away: what it holds, and the models that it refuses. In a browser: test_take_away_browser.py."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples.serving import ask, example

import tinygrad_cnn as tg
from tinygrad_cnn import nn


@pytest.fixture(scope="module")
def take_away() -> Any:
    return example("take_away").take_away


def steps_of(html: str) -> list[dict[str, Any]]:
    """The layers that a page holds."""
    found = re.search(r'<script type="application/json" id="layers">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return list(json.loads(found[1]))


def test_the_weights_stand_in_the_page_bit_for_bit(take_away: Any) -> None:
    model = example("mnist_cnn").LeNet()
    page = take_away(model)
    assert "://" not in page.html, "nothing from elsewhere"
    steps = steps_of(page.html)
    kinds = ["conv2d", "relu", "maxPool2d"] * 2 + ["flatten", "linear", "relu", "linear"]
    assert [step["kind"] for step in steps] == kinds
    held = {
        f"{step['name']}.{part}": np.frombuffer(base64.b64decode(step[part]["base64"]), "<f4").reshape(
            step[part]["shape"]
        )
        for step in steps
        for part in ("weight", "bias")
        if part in step
    }
    state = model.state_dict()
    assert list(held) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(held[name], value.numpy())
    assert take_away(model).html == page.html


def test_what_the_page_cannot_run_is_refused(take_away: Any) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.flat, self.one = nn.Flatten(), nn.Linear(784, 10)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.one(self.flat(x)) * 2

    def row(*layers: nn.Module) -> nn.Module:
        return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(10))

    wrong = {
        r"no Tanh \(1\); it has Conv2d, Linear": nn.Sequential(nn.Flatten(), nn.Tanh(), nn.Linear(784, 10)),
        "groups=1 alone, got 2": row(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3, groups=2)),
        "dilation=1 alone, got": row(nn.Conv2d(1, 2, 3, dilation=2)),
        "padding of 0 in pixels, got 'same'": row(nn.Conv2d(1, 2, 3, padding="same")),
        "padding=0 alone, got 1": row(nn.MaxPool2d(3, padding=1)),
        "more in its forward": Twice(),
        r"ten digits scores, \(1, 10\); it gave \(1, 4\)": nn.Sequential(nn.Flatten(), nn.Linear(784, 4)),
    }
    for reason, model in wrong.items():
        model(tg.zeros(1, 1, 28, 28))
        with pytest.raises(ValueError, match=reason):
            take_away(model)
        assert model.training, "as it was"


def test_the_server_hands_the_page_out(server: Any, reader: Any, take_away: Any) -> None:
    assert ask(server, "POST", "/take", b"something")[0] == 413
    assert ask(server, "GET", "/take")[0] == 405
    status, answer, _ = ask(server, "POST", "/take", b"")
    assert (status, answer["name"]) == (200, "digits.html")
    assert answer["html"] == take_away(reader.model).html


def test_the_command_line_writes_the_page(
    module: Any, take_away: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = example("mnist_cnn").LeNet()
    tg.save(model.state_dict(), "lenet.safetensors")
    monkeypatch.setattr(sys, "argv", ["draw_digit.py", "--model", "lenet.safetensors", "--export", "out/digits.html"])
    module.main()
    assert capsys.readouterr().out.splitlines()[-1].startswith("page: out")
    assert (tmp_path / "out" / "digits.html").read_text(encoding="utf-8") == take_away(model).html
    assert not (tmp_path / "runs").exists(), "no drawings are kept"
    monkeypatch.setattr(sys, "argv", ["draw_digit.py", "--model", "lenet.safetensors", "--export", "digits.txt"])
    with pytest.raises(SystemExit, match=r"must end in \.html"):
        module.main()
