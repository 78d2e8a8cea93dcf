"""Every kind of page, light and dark, on a desk and on a phone, as axe-core judges it: no serious fault.

axe-core (Deque Systems) comes from npm and is used here alone.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable, Iterator
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

pytest.importorskip("selenium", reason="Selenium is not installed: the pages meet no browser")
from viz.graph import browsing

AXE = "axe-core@4.14.1"


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


def comparison(_folder: Path) -> str:
    histories = [[{"epoch": i, "loss": loss / i, "val_loss": loss / i + 0.1} for i in range(1, 5)] for loss in (1, 2)]
    return viz.compare(small_net(), small_net(), points(), histories=histories).html


def drawing(_folder: Path) -> str:
    module = example("draw_digit")
    return str(module.make_server(None, None).content.decode())


def gallery(_folder: Path) -> str:
    made = maker()
    page = made.gallery([made.Card("A page", "It says so.", "demo()", None, lambda: viz.Page(demo()))], made.PICTURES)
    return str(page.html)


def notebook(_folder: Path) -> str:
    head = '<meta name="viewport" content="width=device-width"><title>Notebook</title>'
    return f'<!doctype html><html lang="en">{head}<main><h1>Notebook</h1>{framed(demo())}</main>'


PAGES = {  # a new kind of page is one line here
    "graph": Kind(
        lambda _: graph_page(pictures.lenet()),
        (
            "document.getElementById('open-all').click(); document.getElementById('toggle-panel').click()",
            "document.querySelector('#nodes .operation').dispatchEvent(new MouseEvent('click', { bubbles: true }))",
            "document.getElementById('last').click(); document.getElementById('fit').click()",
        ),
    ),
    "expression": Kind(lambda _: graph_page(pictures.used_twice()), ("document.getElementById('last').click()",)),
    "report": Kind(report),
    "follow": Kind(lambda _: viz.follow(small_net(), points(1)[0]).html),
    "run": Kind(run),
    "comparison": Kind(comparison),
    "playground": Kind(lambda _: viz.playground().html),
    "drawing": Kind(drawing),
    "kit": Kind(lambda _: demo(), ("tile.pick(1, 1)",)),
    "notebook": Kind(notebook),
    "gallery": Kind(gallery, ("document.querySelector('button[data-page]').click()",)),
}


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of axe-core, from npm's registry."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        command = ["npm", "pack", "--silent", AXE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
        with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as package:
            member = package.extractfile("package/axe.min.js")
            assert member is not None
            return member.read().decode()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core is not to be had: {error}")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def text(name: str) -> str:
        if name not in made:
            made[name] = PAGES[name].make(folder)
        return made[name]

    return text


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from browsing.browser(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def window(driver: Any, tmp_path: Path) -> Iterator[Any]:
    yield from browsing.opened(driver, tmp_path)


def faults(window: Any, axe: str) -> list[str]:
    """What is serious or worse: the rule, and the elements that break it.

    Of a node of a graph that the border of its canvas cuts, axe reads the lines that are seen, and misses them in its
    name: such a node is left out of that rule.
    """
    cut = """
      const canvas = document.getElementById("canvas");
      if (!canvas) return [];
      const { left, right, top, bottom } = canvas.getBoundingClientRect();
      return [...document.querySelectorAll("#nodes .node")].filter((n) => {
        const r = n.getBoundingClientRect();
        return r.left < left || r.right > right || r.top < top || r.bottom > bottom;
      }).map((n) => n.dataset.key);
    """
    window.run(axe)
    half_seen = [f'data-key="{key}"' for key in window.run(cut)]
    found = window.driver.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, { resultTypes: ['violations'], preload: false }).then((r) => done(r.violations));"
    )
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        if fault["id"] != "label-content-name-mismatch" or not any(key in node["html"] for key in half_seen)
    ]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_fault(
    window: Any, axe: str, texts: Callable[[str], str], name: str, scheme: str, width: int
) -> None:
    window.load(texts(name), width, 844, mobile=width < 500, **{"prefers-color-scheme": scheme})
    assert faults(window, axe) == []
    assert window.width() == width
    for action in PAGES[name].does:
        window.run(action)
        assert faults(window, axe) == [], action


def test_faults_are_found(window: Any, axe: str) -> None:
    window.load('<!doctype html><html lang="en"><title>x</title><main><h1>x</h1><button></button><img src="data:,">')
    assert {fault.split(":")[0] for fault in faults(window, axe)} == {"button-name", "image-alt"}
