"""What the guard rails say in a program, and where."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinygrad_cnn as tg
from tinygrad_cnn import nn

HERE = "# here"  # stands at the end of the line that is to be named


class Spoken(NamedTuple):
    """One warning: the name of the rail, the text before it, and the line of the source."""

    rail: str
    text: str
    line: str


@contextmanager
def listening() -> Iterator[list[Spoken]]:
    """All that is said within, in order; other warnings go their way."""
    heard: list[Spoken] = []
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always", tg.GuardRailWarning)
        yield heard
    for w in record:
        if issubclass(w.category, tg.GuardRailWarning):
            text, _, rail = str(w.message).rpartition(" [")
            heard.append(Spoken(rail[:-1], text, Path(w.filename).read_text().splitlines()[w.lineno - 1].strip()))


def said_once(heard: list[Spoken], rail: str) -> str:
    """It is this rail alone, once, at the line that ends with ``# here``: its text."""
    assert [spoken.rail for spoken in heard] == [rail]
    assert heard[0].line.endswith(HERE), heard[0].line
    return heard[0].text


def data(n: int = 32) -> tuple[Any, Any]:
    """Four features and three classes."""
    rng = np.random.default_rng(0)
    return tg.tensor(rng.normal(size=(n, 4)).astype(np.float32)), tg.tensor(rng.integers(0, 3, n))


def net() -> Any:
    """A small net for `data`, the same at each call."""
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def sgd(model: Any, lr: float = 0.1) -> Any:
    return tg.optim.SGD(model.parameters(), lr=lr)
