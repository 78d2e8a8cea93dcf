"""A server of the drawing page, for tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.serving import example, served

import tinygrad_cnn as tg


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
