"""With TINYGRAD_CNN_SCREENSHOTS=1: renews docs/images/live_page.png and steps_page.png from digits of MNIST."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.nn import functional as F

pytestmark = pytest.mark.skipif(not os.environ.get("TINYGRAD_CNN_SCREENSHOTS"), reason="TINYGRAD_CNN_SCREENSHOTS")


def test_the_pictures_of_the_docs(tmp_path: Path) -> None:
    from viz.training import browsing

    digits, _, _ = tg.data.load_mnist(allow_fallback=True)
    part, held, _ = tg.data.random_split(digits, [4000, 500, len(digits) - 4500])
    tg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    page = viz.live(title="digits")
    trainer = tg.train.Trainer(net, tg.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), callbacks=page)
    thread = threading.Thread(target=lambda: trainer.fit(part, 100, held), daemon=True)
    thread.start()
    small = nn.Sequential(nn.Conv2d(1, 6, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(216, 10))
    optimizer = tg.optim.SGD(small.parameters(), lr=0.1, momentum=0.9)
    steps = viz.step_through(small, F.cross_entropy, tg.data.DataLoader(part, 64), optimizer).save(tmp_path / "s.html")
    for driver in browsing.browser(tmp_path / "profile"):
        for tab in browsing.opened(driver):
            shoot(tab, page, trainer, steps)
    thread.join(60)


def shoot(tab: Any, page: Any, trainer: Any, steps: Path) -> None:
    """The live page, paused after three epochs, and the twelfth of the recorded steps."""
    tab.until(lambda: page.address is not None and trainer.epoch == 3, 300)
    tab.open(page.address, width=1100, height=980)
    tab.until(lambda: tab.all("#mistakes li"))
    tab.one("#pause").click()
    tab.until(lambda: tab.run("return document.body.dataset.state") == "paused")
    tab.shoot("live_page.png")
    tab.one("#stop").click()
    tab.open(steps.as_uri(), width=1200, height=860)
    for _ in range(11):
        tab.one("#next").click()
    tab.shoot("steps_page.png")
