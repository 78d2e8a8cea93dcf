"""What `viz.live` costs a training: epochs with and without it in turns, in seconds of the processor.

    python benchmarks/live_cost.py              # nobody watches
    python benchmarks/live_cost.py --watched    # somebody asks for news twice a second, as an open page does
    python benchmarks/live_cost.py --null       # no page in either: what the figures are worth on this machine

One net is trained, on one thread, by both kinds of epochs: two nets in one process differ by where their memory lies,
by more than what is measured here. Each epoch begins a page of its own, so it has the looks of a run's beginning. What
counts is the processor's time, the server's thread included: it is hardly longer on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tinygrad_cnn as tg
from tinygrad_cnn import nn
from tinygrad_cnn.nn import functional as F

IMAGES, BATCH = 4096, 64


def epoch(net: Any, optimizer: Any, x: Any, t: Any, page: Any) -> float:
    """Seconds of the processor for one pass over the data."""
    start = time.process_time()
    for i in range(0, len(x), BATCH):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(tg.tensor(x[i : i + BATCH])), tg.tensor(t[i : i + BATCH]))
        loss.backward()
        optimizer.step()
        if page is not None:
            page.step(loss)
        else:
            loss.item()  # as whoever prints it does
    return time.process_time() - start


def ask(address: str, over: threading.Event) -> None:
    """Ask as an open page does: for all that it has not seen yet."""
    have: dict[str, Any] = {}
    while not over.wait(0.5):
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}/state", json.dumps(have).encode(), kind)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                news = json.loads(answer.read())
        except urllib.error.URLError:  # the page has ended
            return
        have = {"curves": [news["curves"]["stride"], news["curves"]["start"] + len(news["curves"]["steps"])]}
        for name in ("looks", "frames"):
            have[name] = [news[name]["thinned"], news[name]["start"] + len(news[name]["entries"])]


def main() -> None:
    """Print the ratios of the medians and of the fast quartiles."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--watched", action="store_true", help="ask for news while it runs")
    parser.add_argument("--null", action="store_true", help="compare epochs without a page")
    parser.add_argument("--turns", type=int, default=25)
    args = parser.parse_args()
    tg.set_num_threads(1)
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(IMAGES, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, IMAGES)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 24, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(384, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = tg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    epoch(net, optimizer, x, t, None)  # warm
    seconds: list[list[float]] = [[], []]
    shares = []
    for turn in range(args.turns):
        for live in (False, True) if turn % 2 else (True, False):
            if not live or args.null:
                seconds[live].append(epoch(net, optimizer, x, t, None))
                continue
            over = threading.Event()
            with tg.viz.live(net, optimizer, serve=args.watched, open=False) as page:
                if args.watched:
                    threading.Thread(target=ask, args=(page.address, over), daemon=True).start()
                seconds[live].append(epoch(net, optimizer, x, t, page))
                shares.append(page.share)
                over.set()
    for name, of in (("median", statistics.median), ("fast quartile", lambda each: sorted(each)[len(each) // 4])):
        plain, live_one = (of(each) for each in seconds)
        print(f"{name:>14}: an epoch {plain * 1e3:.1f} ms, with {live_one * 1e3:.1f} ms, ratio {live_one / plain:.4f}")
    if shares:
        print(f"by its own clock, looking took {100 * statistics.median(shares):.2f} % of the time")


if __name__ == "__main__":
    main()
