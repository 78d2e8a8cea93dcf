"""What `viz.live` costs a training: epochs with and without it in turns, in seconds of the processor.

    python benchmarks/live_cost.py              # nobody watches
    python benchmarks/live_cost.py --watched    # somebody asks for news twice a second, as an open page does

Both train the same net on one thread, and each epoch is long enough for several looks. What counts is the processor's
time, the server's thread included, as that is hardly longer on a busy machine; of it the medians and the fast quartiles
are compared. In the end the weights of both must be the same bits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

IMAGES, BATCH = 4096, 64


class Run:
    """A net in training, watched or not."""

    def __init__(self, watched: bool) -> None:
        tg.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
        self.optimizer = tg.optim.SGD(self.net.parameters(), lr=0.05, momentum=0.9)
        self.thread = ThreadPoolExecutor(1)  # a look watches a thread: each run has its own
        self.page = self.thread.submit(self._live).result() if watched else None

    def _live(self) -> Any:
        return tg.viz.live(self.net, self.optimizer, open=False)

    def epoch(self, x: Any, t: Any) -> float:
        """Seconds of the processor for one pass over the data."""
        return self.thread.submit(self._epoch, x, t).result()

    def _epoch(self, x: Any, t: Any) -> float:
        start = time.process_time()
        for i in range(0, len(x), BATCH):
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.net(tg.tensor(x[i : i + BATCH])), tg.tensor(t[i : i + BATCH]))
            loss.backward()
            self.optimizer.step()
            if self.page is not None:
                self.page.step(loss)
            else:
                loss.item()  # as whoever prints it does
        return time.process_time() - start


def watch(address: str, over: threading.Event) -> None:
    """Ask as an open page does: for all that it has not seen yet."""
    have: dict[str, Any] = {}
    while not over.wait(0.5):
        request = urllib.request.Request(
            f"{address}/state", json.dumps(have).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            news = json.loads(answer.read())
        have = {"curves": [news["curves"]["stride"], news["curves"]["start"] + len(news["curves"]["steps"])]}
        for name in ("looks", "frames"):
            have[name] = [news[name]["thinned"], news[name]["start"] + len(news[name]["entries"])]


def main() -> None:
    """Print the ratio of the medians, turn by turn in changing order."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--watched", action="store_true", help="ask for news while it runs")
    parser.add_argument("--turns", type=int, default=21)
    args = parser.parse_args()
    tg.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(IMAGES, 1, 28, 28)).astype(np.float32)
    t = rng.integers(0, 10, IMAGES)
    runs = [Run(watched=False), Run(watched=True)]
    page = runs[1].page
    assert page is not None
    over = threading.Event()
    if args.watched:
        threading.Thread(target=watch, args=(page.address, over), daemon=True).start()
    for run in runs:
        run.epoch(x, t)  # warm
    seconds: list[list[float]] = [[], []]
    for turn in range(args.turns):
        for k in (0, 1) if turn % 2 else (1, 0):
            seconds[k].append(runs[k].epoch(x, t))
    over.set()
    for a, b in zip(runs[0].net.parameters(), runs[1].net.parameters(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()), "the watched run differs"
    for name, of in (("median", statistics.median), ("fast quartile", lambda each: sorted(each)[len(each) // 4])):
        plain, live = (of(each) for each in seconds)
        print(f"{name:>14}: an epoch {plain * 1e3:.1f} ms, watched {live * 1e3:.1f} ms, ratio {live / plain:.4f}")
    print(f"{page.step_count:,} steps, {100 * page.share:.2f} % by its own clock; the same bits in both nets")
    page.close()


if __name__ == "__main__":
    main()
