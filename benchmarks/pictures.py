"""How long pictures of graphs take: medians in seconds, each from nothing to the finished text or the painted page.

    python benchmarks/pictures.py            # the page's first paint needs Chromium, its driver and Selenium
    python benchmarks/pictures.py --runs 9

The first paint ("first-contentful-paint") and the end of the page's script ("loadEventEnd") are the browser's own
figures, counted from the moment it was sent to the file.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.vision.models import resnet50

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMES = """
const [paint] = performance.getEntriesByName("first-contentful-paint");
const [loading] = performance.getEntriesByType("navigation");
return paint && loading.loadEventEnd ? [paint.startTime / 1000, loading.loadEventEnd / 1000] : null;
"""


class Recurrent(nn.Module):
    """h = tanh(ih(x[:, t]) + hh(h)), step by step."""

    def __init__(self) -> None:
        self.ih, self.hh, self.out = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, x: Any) -> Any:
        """(N, T, 8) to (N, 4)."""
        h = tg.zeros(len(x), 16)
        for t in range(x.shape[1]):
            h = tg.tanh(self.ih(x[:, t]) + self.hh(h))
        return self.out(h)


def seconds(does: Callable[[], Any], runs: int) -> float:
    """The median of so many runs, after one that does not count."""
    does()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        does()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def painted(page: Path, runs: int) -> tuple[float | None, float | None]:
    """Seconds until a browser has painted something, and all of the page; None where there is no Chromium."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        return None, None
    if browser is None or driver is None:
        return None, None
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,900"):
        options.add_argument(flag)
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    taken: list[Any] = []
    try:
        while len(taken) < runs + 1:
            window.get(page.as_uri())
            found = None
            while found is None:
                found = window.execute_script(TIMES)
            taken.append(found)
    finally:
        window.quit()
    first, last = (statistics.median(figures) for figures in zip(*taken[1:], strict=True))
    return first, last


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    tg.manual_seed(0)
    y = tg.ones(4, requires_grad=True)
    for _ in range(50_000):
        y = (y * 0.5).tanh()
    net, images = resnet50(), tg.randn(1, 3, 64, 64)
    graph = viz.draw_graph(net, inputs=images)
    loop, sequence = Recurrent(), tg.randn(3, 20, 8)
    with tempfile.TemporaryDirectory() as folder:
        page, svg = graph.save(Path(folder) / "page.html"), Path(folder) / "loop.svg"
        paint, loaded = painted(page, runs)
        figures = {
            "DOT text of 100,000 operations": seconds(lambda: viz.draw_graph(y).source, runs),
            "DOT text of a ResNet-50, called for it": seconds(lambda: viz.draw_graph(net, inputs=images).source, runs),
            "its page as text": seconds(lambda: graph.page().html, runs),
            "its page's first paint": paint,
            "its page laid out": loaded,
            "SVG of 20 steps of an RNN, all drawn": seconds(
                lambda: viz.draw_graph(loop, inputs=sequence, collapse=False).save(svg), runs
            ),
        }
    for what, figure in figures.items():
        print(f"{what:42} {'no Chromium' if figure is None else f'{figure:6.2f} s'}")


if __name__ == "__main__":
    main()
