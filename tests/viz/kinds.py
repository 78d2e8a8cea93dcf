"""Every kind of page, small: what makes its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from examples.serving import example
from viz.gallery import maker
from viz.graph import pictures
from viz.kit.demo import demo

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz.graph.html import page as graph_page
from tinygrad_cnn.viz.kit.page import framed


class Kind(NamedTuple):
    """A kind of page: what makes its text, and what to do on it (JavaScript) before it is judged once more."""

    make: Callable[[Path], str]
    does: tuple[str, ...] = ()


def report(folder: Path) -> str:
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed: there is no report")
    return viz.report(folder / "report.html", small_net(), points()).read_text(encoding="utf-8")


def small_net() -> nn.Sequential:
    tg.manual_seed(0)
    conv = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*conv, nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))


def points(count: int = 30) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 1, 8, 8)).astype(np.float32), rng.integers(0, 3, count)


def run(folder: Path) -> str:
    """A run that was watched live, as the file that is left."""
    model = small_net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    images, targets = (tg.tensor(array) for array in points())
    page = viz.live(model, optimizer, serve=False)
    for _ in range(8):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimizer.step()
        page.step(loss)
    return page.save(folder / "run.html").read_text(encoding="utf-8")


def steps(_folder: Path) -> str:
    model, (images, targets) = small_net(), points()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    batches = [(images[k : k + 10], targets[k : k + 10]) for k in (0, 10, 20)]
    return viz.step_through(model, nn.functional.cross_entropy, batches, optimizer, steps=3).html


def comparison(_folder: Path) -> str:
    histories = [[{"epoch": i, "loss": loss / i, "val_loss": loss / i + 0.1} for i in range(1, 5)] for loss in (1, 2)]
    return viz.compare(small_net(), small_net(), points(), histories=histories).html


def drawing(_folder: Path) -> str:
    module = example("draw_digit")
    return str(module.make_server(None, None).content.decode())


def taken_away(_folder: Path) -> str:
    return str(example("take_away").take_away(example("mnist_cnn").LeNet()).html)


def gallery(_folder: Path) -> str:
    made = maker()
    page = made.gallery([made.Card("A page", "It says so.", "demo()", None, lambda: viz.Page(demo()))], made.PICTURES)
    return str(page.html)


def notebook(_folder: Path) -> str:
    head = '<meta name="viewport" content="width=device-width"><title>Notebook</title>'
    return f'<!doctype html><html lang="en">{head}<main><h1>Notebook</h1>{framed(demo())}</main>'


CLICK = "new MouseEvent('click', { bubbles: true })"
FIT = "document.getElementById('fit').click()"
PAGES = {  # a new kind of page is one line here
    "graph": Kind(
        lambda _: graph_page(pictures.lenet()),
        (
            # with the whole graph in sight: of a node at the border axe reads the half that is seen
            f"document.getElementById('open-all').click(); document.getElementById('toggle-panel').click(); {FIT}",
            f"document.querySelector('#nodes .operation').dispatchEvent({CLICK}); {FIT}",
            f"document.getElementById('last').click(); {FIT}",
        ),
    ),
    "expression": Kind(lambda _: graph_page(pictures.used_twice()), ("document.getElementById('last').click()",)),
    "report": Kind(report),
    "follow": Kind(lambda _: viz.follow(small_net(), points(1)[0]).html),
    "run": Kind(run),
    "steps": Kind(steps),
    "comparison": Kind(comparison),
    "playground": Kind(lambda _: viz.playground().html),
    "drawing": Kind(drawing),
    "taken away": Kind(taken_away),
    "kit": Kind(lambda _: demo(), ("tile.pick(1, 1)",)),
    "notebook": Kind(notebook),
    "gallery": Kind(gallery, ("document.querySelector('button[data-page]').click()",)),
}
