"""What the guard rails cost a training that is right: steps of N1 with and without them in turns.

    python benchmarks/guard_rails.py               # batches of 64
    python benchmarks/guard_rails.py --batch 1     # where everything that is no arithmetic shows
    python benchmarks/guard_rails.py --null        # on in both: what the figures are worth on this machine

One net and one optimizer take all steps: two nets in one process differ by where their memory lies. Blocks of steps
take turns, each in seconds of the processor, on one thread; what counts is the median of the ratios of neighbours.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tinygrad_cnn as tg
from benchmarks.models import NETS, build
from tinygrad_cnn import nn
from tinygrad_cnn.arrays.guarding import rails
from tinygrad_cnn.nn import functional as F


def steps(net: Any, optimizer: Any, x: Any, t: Any, count: int) -> float:
    """Milliseconds of the processor for one step, of so many."""
    start = time.process_time()
    for _ in range(count):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
    return (time.process_time() - start) / count * 1e3


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--null", action="store_true", help="compare steps with the rails to others with them")
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20, help="of one turn")
    args = parser.parse_args()
    tg.set_num_threads(1)
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.normal(size=(args.batch, 1, 28, 28)).astype(np.float32))
    t = tg.tensor(rng.integers(0, 10, args.batch))
    net = build(nn, F.relu, NETS["N1"][1])
    optimizer = tg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    steps(net, optimizer, x, t, 3 * args.steps)  # warm
    times: list[list[float]] = [[], []]
    for turn in range(args.turns):
        for on in (False, True) if turn % 2 else (True, False):
            rails.on = (
                on or args.null
            )  # `tg.guard_rails` would begin a new run, whose first calls are looked at closely
            times[on].append(steps(net, optimizer, x, t, args.steps))
    without, with_rails = (statistics.median(each) for each in times)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    print(f"a step of {args.batch}: {without:.3f} ms without, {with_rails:.3f} ms with guard rails, ratio {ratio:.4f}")


if __name__ == "__main__":
    main()
