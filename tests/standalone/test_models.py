"""Whole nets: the zoo of the pictures, and torchvision's, in a process without the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from standalone import apart
from viz.graph import zoo

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.vision import models

ZOO = [name for name, make in zoo.ZOO.items() if isinstance(make().get("output"), nn.Module)]
VISION = {
    "resnet18": lambda: models.resnet18(num_classes=10),
    "mobilenet_v2": lambda: models.mobilenet_v2(num_classes=10),
    "squeezenet1_1": lambda: models.squeezenet1_1(num_classes=10),
}


def trained(model: nn.Module) -> nn.Module:
    """With running statistics of some data, as a net has them that was trained."""
    rng = np.random.default_rng(0)
    for name, buffer in model.named_buffers():
        if buffer.dtype.kind == "f":
            buffer.numpy()[...] = (
                rng.uniform(0.8, 1.2, buffer.shape) if "var" in name else rng.normal(0, 0.1, buffer.shape)
            )
    return model


def check(model: nn.Module, inputs: list[Any], path: Path) -> float:
    """How far the file is from the model, for the example and for batches of one and of four."""
    tg.export_numpy(model, tuple(map(tg.tensor, inputs)), path)
    batches = [inputs] + [[apart.larger(x, 0, size) for x in inputs] for size in (1, 4)]
    apart.give(path, batches)
    apart.run([path])
    off = 0.0
    for batch, found in zip(batches, apart.answers(path), strict=True):
        for y, wanted in zip(found, apart.expected(model, batch), strict=True):
            off = max(off, apart.furthest(y, wanted))
    return off


@pytest.mark.parametrize("name", ZOO)
def test_nets_of_the_zoo(name: str, tmp_path: Path) -> None:
    given = zoo.arguments(name)
    inputs = given["inputs"] if isinstance(given["inputs"], tuple) else (given["inputs"],)
    assert check(trained(given["output"]), [x.numpy() for x in inputs], tmp_path / f"{name}.py") < 1e-6


def test_long_sums_keep_their_digits(tmp_path: Path) -> None:
    """Of 30,000 products: what is left is the error of the package's own sums."""
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(30000, 40), nn.ReLU(), nn.Linear(40, 3))
    x = (1 + rng.standard_normal((2, 30000))).astype(np.float32)
    assert check(model, [x], tmp_path / "long.py") < 1e-6
    exact = nn.Sequential(nn.Linear(30000, 40), nn.ReLU(), nn.Linear(40, 3)).double()
    exact.load_state_dict({name: value.double() for name, value in model.state_dict().items()})
    (wanted,) = apart.expected(exact, [x.astype(np.float64)])
    assert abs(apart.answers(tmp_path / "long.py")[0][0] - wanted).max() / abs(wanted).max() < 2e-7


@pytest.mark.parametrize("name", VISION)
def test_nets_of_torchvision(name: str, tmp_path: Path) -> None:
    tg.manual_seed(0)
    images = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    off = check(trained(VISION[name]()), [images], tmp_path / f"{name}.py")
    assert off < 1e-6
